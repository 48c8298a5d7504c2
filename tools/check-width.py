#!/usr/bin/env python3
"""Checks that comments and Markdown prose have lines of at most 100 columns.

    tools/check-width.py [FILE...]             checks these files, or all
    tools/check-width.py --wrap [FILE...]      wraps the paragraphs with a longer line

It reads lines that consist of a comment, docstrings of Python, and Markdown. It does not read a
comment behind code, code blocks, tables, headings and link definitions. It breaks no code span. A
line without a blank that can become a line break may be longer. `python3 -m doctest
tools/check-width.py` runs the examples below.
"""

import ast
import dataclasses
import fnmatch
import io
import os
import pathlib
import re
import sys
import tokenize

from lint import ROOT, files

WIDTH = 100

PATTERNS = {
    "slashes": "*.rs *.c *.h *.cpp *.hpp *.def *.js *.ts *.kt *.kts *.java *.swift *.modulemap",
    "hashes": "*.sh *.toml *.yml *.yaml *.conf *.service *.in *.supp *.pro *Makefile *Dockerfile"
    " *CMakeLists.txt *requirements*.txt *.gitignore *.dockerignore *.editorconfig *.clang-format .ci/run",
    "markdown": "*.md",
    "python": "*.py",
    # Recorded files, samples of the reference, which stay as they are, and files of cargo.
    None: "tests/data/* tests/spec/* */tests/vectors/* */tests/data/* */ReferenceSamples.kt"
    " */ReferenceCall.swift */Tests/Reference/* *.lock",
}

MARKERS = {
    "slashes": re.compile(r"[ \t]*(?://[/!]?|/\*\*?(?!/)|\*(?![/*]))(?:[ \t]|$)"),
    "hashes": re.compile(r"[ \t]*@?#+:?(?:[ \t]|$)"),
    "markdown": re.compile(r"(?:>[ \t]?)*"),
}
ITEM = re.compile(r"(?:[-*+]|\d{1,3}[.)]|@(?:param|throws|property)[ \t]+\S+|@\w+)[ \t]+")
# A heading, a row of a table, a link definition, a rule, a comment of HTML, a directive for a
# linter.
OTHER = re.compile(r"#{1,6} |\||\[[^\]]+\]:|---|===|\*\*\*|<!--|(?:shellcheck|hadolint) ")
# A line of a comment that divides a file: a title, then dashes up to the end of the line.
DIVIDER = re.compile(r"-{20,}(?= \*/$|$)")
FENCE = re.compile(r"(?:```|~~~)")


@dataclasses.dataclass
class Line:
    """A line of prose: its number from 0, its indentation with the marker, and the rest."""

    number: int
    lead: str
    text: str


def kind(name: str) -> str | None:
    """Returns how prose is marked in a file of this name, or None for a file without prose.

    >>> kind("src/lib.rs"), kind("Makefile"), kind("docs/api.md"), kind("logo.svg")
    ('slashes', 'hashes', 'markdown', None)
    """
    matching = [found for found, patterns in PATTERNS.items() if any(fnmatch.fnmatch(name, one) for one in patterns.split())]
    return None if None in matching or not matching else matching[0]


def blocks(name: str, text: str) -> list[list[Line]]:
    """Returns the comments of a file, or its Markdown as one block."""
    lines = text.split("\n")
    match kind(name):
        case "markdown":
            return [[line(number, one, "markdown") for number, one in enumerate(lines)]]
        case "python":
            return python(text, lines)
        case "slashes":
            return runs([line(number, lines[number], "slashes") for number in slashes(lines)])
        case "hashes":
            marker = MARKERS["hashes"]
            return runs([line(number, one, "hashes") for number, one in enumerate(lines) if marker.match(one)])
    return []


def line(number: int, text: str, marked: str) -> Line:
    found = MARKERS[marked].match(text)
    lead = found.group() if found else re.match(r"[ \t]*", text).group()
    return Line(number, lead, text[len(lead) :])


def slashes(lines: list[str]) -> list[int]:
    """Returns the lines that consist of a comment.

    >>> slashes(["int a; // one", "// two", "/* three", "   four */", "/* five */ int b;"])
    [1, 2, 3]
    """
    found, inside = [], False
    for number, one in enumerate(lines):
        if inside:
            found.append(number)
            inside = "*/" not in one
        elif re.match(r"[ \t]*//", one):
            found.append(number)
        elif re.match(r"[ \t]*/\*", one) and re.fullmatch(r"[ \t]*/\*(?:(?!\*/).)*(?:\*/[ \t]*)?", one):
            found.append(number)
            inside = "*/" not in one
    return found


def runs(lines: list[Line]) -> list[list[Line]]:
    """Returns lines in groups that follow one another with the same indentation."""
    found: list[list[Line]] = []
    for one in lines:
        last = found[-1][-1] if found else None
        goes_on = last and one.number == last.number + 1 and not one.lead.lstrip().startswith("/*")
        if goes_on and ("/*" in found[-1][0].lead or last.lead.split() == one.lead.split()):
            found[-1].append(one)
        else:
            found.append([one])
    return found


def python(text: str, lines: list[str]) -> list[list[Line]]:
    comments = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        number, column = token.start[0] - 1, token.start[1]
        if token.type == tokenize.COMMENT and not lines[number][:column].strip():
            comments.append(line(number, lines[number], "hashes"))
    found = runs([one for one in comments if not one.text.startswith("!")])
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
                indent = " " * first.col_offset
                found.append([docstring_line(n, lines[n], indent) for n in range(first.lineno - 1, first.end_lineno)])
    return found


def docstring_line(number: int, text: str, indent: str) -> Line:
    lead = indent if text.startswith(indent) else ""
    return Line(number, lead, text[len(lead) :])


def paragraphs(block: list[Line]) -> list[list[Line]]:
    """Returns the paragraphs and list items of a block, without code, tables, headings and
    links."""
    found: list[list[Line]] = []
    current: list[Line] | None = None
    fenced = in_example = in_list = False
    for one in block:
        body = one.text.strip()
        indented = len(one.text) - len(one.text.lstrip(" "))
        if FENCE.match(body.removeprefix('"""')):
            fenced, current = not fenced, None
        elif fenced:
            continue
        elif not body or body in ("*/", '"""'):
            current, in_example = None, False
        elif in_example or body.startswith(">>> "):
            current, in_example = None, True
        elif OTHER.match(body):
            current = None
        elif ITEM.match(body):
            current, in_list = [one], True
            found.append(current)
        elif current is not None:
            current.append(one)
        elif indented < 4 or in_list:
            current, in_list = [one], in_list and indented > 0
            found.append(current)
    return found


def words(text: str) -> list[str]:
    """Returns the parts of a text between which a line may end.

    >>> words("- Call `pims_get` or `make lint` (an item). A - dash, 1. number")
    ['- Call', '`pims_get`', 'or', '`make lint`', '(an', 'item).', 'A -', 'dash, 1.', 'number']
    >>> words("`a `` b` and an odd ` sign")
    ['`a `` b`', 'and', 'an', 'odd', '`', 'sign']
    >>> words("@param ctx      Passed to the callback")
    ['@param ctx      Passed', 'to', 'the', 'callback']
    """
    text = text.strip()
    item = ITEM.match(text)
    mark = item.group() if item else ""
    held = re.sub(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", lambda span: span.group().replace(" ", "\0"), text[len(mark) :])
    found: list[str] = []
    for word in held.split():
        # No line may begin with a word that begins a list item, a heading, a quotation or a table.
        if found and re.fullmatch(r"[-+*>|#]+/?|\d{1,3}[.)]", word):
            found[-1] += " " + word
        else:
            found.append(word)
    return [(mark if place == 0 else "") + word.replace("\0", " ") for place, word in enumerate(found)]


def is_too_wide(one: Line) -> bool:
    """Returns whether a line is too wide and has a blank at which it can be broken.

    >>> is_too_wide(Line(0, "// ", "word " * 30))
    True
    >>> is_too_wide(Line(0, "// ", "https://" + "x" * 100))
    False
    """
    if len((one.lead + one.text).rstrip().expandtabs(4)) <= WIDTH:
        return False
    return len(words(one.text)) > 1


def wrapped(paragraph: list[Line]) -> list[str]:
    """Returns the lines of a paragraph, none too wide.

    >>> long = "- " + "word " * 21
    >>> [len(text) for text in wrapped([Line(0, "// ", long), Line(1, "// ", "  end")])]
    [99, 18]
    """
    first = paragraph[0]
    indent = re.match(r"[ \t]*", first.text).group()
    if len(paragraph) > 1:
        rest = paragraph[1].lead + re.match(r"[ \t]*", paragraph[1].text).group()
    else:
        item = ITEM.match(first.text.strip())
        hanging = " " * len(item.group()) if item else ""
        lead = re.sub(r"/\*\*", " * ", first.lead).replace("/*", "  ") if "/*" in first.lead else first.lead
        rest = lead + indent + hanging
    texts, current = [], first.lead + indent
    is_empty = True
    for word in words(" ".join(one.text.strip() for one in paragraph)):
        if not is_empty and len((current + " " + word).expandtabs(4)) > WIDTH:
            texts.append(current)
            current, is_empty = rest, True
        current += word if is_empty else " " + word
        is_empty = False
    return [*texts, current]


def faults(name: str, text: str) -> list[int]:
    """Returns the numbers, from 1, of the lines that are too wide.

    >>> faults("a.rs", "let a = 1; // " + "a " * 60 + "\\n/// " + "b " * 60)
    [2]
    >>> faults("a.md", "```\\n" + "a " * 60 + "\\n```\\n| " + "b " * 60 + "\\n\\n" + "c " * 60)
    [6]
    >>> faults("a.py", "def f():\\n    '''One.\\n\\n    " + "a " * 60 + "\\n    '''")
    [4]
    """
    found = blocks(name, text)
    lines = [one for block in found for paragraph in paragraphs(block) for one in paragraph]
    numbers = {one.number + 1 for one in lines if is_too_wide(one)}
    numbers |= {one.number + 1 for block in found for one in block if shortened(one) != one.lead + one.text}
    return sorted(numbers)


def shortened(one: Line) -> str:
    """Returns a line whose dashes at the end were too long, with fewer of them.

    >>> len(shortened(Line(0, "/* ", "---- Title " + "-" * 200 + " */")))
    100
    """
    text = one.lead + one.text
    too_many = len(text.expandtabs(4)) - WIDTH
    return DIVIDER.sub(lambda dashes: dashes.group()[: max(4, len(dashes.group()) - max(0, too_many))], text)


def wrap(name: str, text: str) -> str:
    """Returns a text whose paragraphs with a too wide line are wrapped.

    >>> print(wrap("a.toml", "#  short\\n# lines\\n\\n# " + "word " * 20 + "end"))
    #  short
    # lines
    <BLANKLINE>
    # word word word word word word word word word word word word word word word word word word word
    # word end
    """
    lines = text.split("\n")
    found = blocks(name, text)
    for one in [one for block in found for one in block]:
        lines[one.number] = shortened(one)
    parts = [paragraph for block in found for paragraph in paragraphs(block)]
    for paragraph in sorted(parts, key=lambda lines: lines[0].number, reverse=True):
        if any(is_too_wide(one) for one in paragraph):
            lines[paragraph[0].number : paragraph[-1].number + 1] = wrapped(paragraph)
    return "\n".join(lines)


def main(arguments: list[str]) -> str | None:
    is_wrapping = arguments[:1] == ["--wrap"]
    given = [os.path.relpath(name, ROOT) for name in arguments[is_wrapping:]]
    os.chdir(ROOT)
    too_wide = 0
    for name in filter(kind, given or files(["."])):
        path = pathlib.Path(name)
        text = path.read_text(encoding="utf-8")
        if not is_wrapping:
            for number in faults(name, text):
                print(f"{name}:{number}: more than {WIDTH} columns", file=sys.stderr)
                too_wide += 1
        elif (wrapped_text := wrap(name, text)) != text:
            path.write_text(wrapped_text, encoding="utf-8")
    return f"{too_wide} lines are too wide; `make format` wraps them" if too_wide else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
