"""The typed operations of JavaScript and TypeScript."""

from __future__ import annotations

from operations.model import Argument, Enumeration, Member, Model, Operation, Record, RecordMember, Result, camel, snake
from operations.text import NOTE, prose, wrapped

SOURCES = "bindings/node/lib"
TYPES = {"text": "string", "text or null": "string | null", "texts": "string[]", "flag": "boolean"}
# The longest line of code.
COLUMNS = 140

JAVASCRIPT = f"""\
'use strict';

// {NOTE}

const {{ RUN }} = require('./run');
"""

TYPESCRIPT = f"""\
// {NOTE}

import type {{ Secret }} from '../index';
"""

MAPS = {
    "get": ("GetResults", "The results of `get`, by the api."),
    "set": ("SetResults", "The results of `set`, by the api."),
}


def files(model: Model) -> dict[str, str]:
    return {f"{SOURCES}/operations.js": javascript(model), f"{SOURCES}/operations.d.ts": typescript(model)}


def javascript(model: Model) -> str:
    text = JAVASCRIPT
    for enumeration in model.enumerations:
        text += f"\n/** {enumeration.doc} */\nconst {enumeration.name} = Object.freeze({{\n"
        text += "".join(f"  {snake(word.word).upper()}: '{word.word}',\n" for word in enumeration.words) + "});\n"
    text += "\n/** The operations. A derived class runs their requests. */\nclass Operations {\n"
    text += "\n".join(method(operation) for operation in model.of("node")) + "}\n"
    names = [enumeration.name for enumeration in model.enumerations] + ["Operations"]
    return text + f"\nmodule.exports = {{ {', '.join(sorted(names))} }};\n"


def method(operation: Operation) -> str:
    signed = ", ".join(javascript_argument(argument) for argument in operation.arguments)
    pairs = ", ".join(f"{name}: {spelled(value)}" if spelled(value) != name else name for name, value in operation.parameters.items())
    options = []
    if operation.result is not None:
        options.append(f"member: '{operation.result.name}'" if operation.result.name else "isWhole: true")
    if operation.is_change:
        options.append("done: 2316")
    if operation.proves_pin:
        options.append("provesPin: true")
    values = [
        f"'{operation.method}'",
        f"'{operation.api}'",
        f"{{ {pairs} }}" if pairs else "{}",
        f"{{ {', '.join(options)} }}" if options else "{}",
    ]
    head = f"  {camel(operation.name)}({signed}) {{\n"
    line = f"    return this[RUN]({', '.join(values)});\n"
    if len(line.rstrip("\n")) > COLUMNS:
        line = "    return this[RUN](\n" + "".join(f"      {value},\n" for value in values) + "    );\n"
    return head + line + "  }\n"


def typescript(model: Model) -> str:
    text = TYPESCRIPT
    for enumeration in model.enumerations:
        text += "\n" + enum(enumeration)
    for record in model.records:
        text += "\n" + record_interface(record)
    for result in model.results:
        if result.record is None:
            text += "\n" + interface(model, result)
    for its_method, (name, doc) in MAPS.items():
        text += f"\n/** {doc} */\nexport interface {name} {{\n"
        for result in model.results:
            kind, api = result.request.split()
            if kind == its_method and not result.operation:
                text += f"  '{api}': {result.record or result.name};\n"
        text += "}\n"
    text += "\n/** The operations. */\nexport declare abstract class Operations {\n"
    return text + "\n".join(declaration(model, operation) for operation in model.of("node")) + "}\n"


def enum(enumeration: Enumeration) -> str:
    lines = [*jsdoc(enumeration.doc, ""), f"export declare const {enumeration.name}: {{"]
    for word in enumeration.words:
        if word.doc:
            lines += jsdoc(word.doc, "  ")
        lines.append(f"  readonly {snake(word.word).upper()}: '{word.word}';")
    words = " | ".join(f"'{word.word}'" for word in enumeration.words)
    return "\n".join([*lines, "};", f"export type {enumeration.name} = {words};"]) + "\n"


def interface(model: Model, result: Result) -> str:
    doc = f"The result of `{result.request}`"
    if result.operation:
        doc += f" with `action: '{result.operation}'`"
    if result.doc:
        doc += (", " if result.doc.startswith("and ") else ": ") + result.doc
    lines = [*jsdoc(doc + ".", ""), f"export interface {result.name} {{"]
    for member in result.members:
        lines.append(f"  {member.name}{'?' if result.is_partial else ''}: {typescript_type(model, member)};")
    return "\n".join([*lines, "}"]) + "\n"


def record_interface(record: Record) -> str:
    lines = [*jsdoc(record.doc, ""), f"export interface {record.name} {{"]
    for member in record.members:
        lines += [*jsdoc(record_doc(member), "  "), f"  {member.name}: {record_type(member)};"]
    return "\n".join([*lines, "}"]) + "\n"


def record_doc(member: RecordMember) -> str:
    return member.doc if member.type != "time" else member.doc.rstrip(".") + ", in milliseconds since 1970 in UTC."


def record_type(member: RecordMember) -> str:
    kind = "number" if member.type in ("time", "seconds") else TYPES.get(member.type, member.type)
    return f"{kind} | null" if member.is_optional else kind


def declaration(model: Model, operation: Operation) -> str:
    signed = ", ".join(typescript_argument(argument) for argument in operation.arguments)
    returned = "void" if operation.result is None else typescript_type(model, operation.result)
    return "\n".join([*jsdoc(operation.doc, "  "), f"  {camel(operation.name)}({signed}): Promise<{returned}>;"]) + "\n"


def jsdoc(doc: str, indent: str) -> list[str]:
    """Returns a comment, in one line if it fits.

    >>> jsdoc("Calls `old_pin`.", "")
    ['/** Calls `oldPin`. */']
    """
    text = prose(doc, "Fails with {}", lambda name: f"`{camel(name)}`")
    lines = wrapped(f"/** {text} */", indent, indent)
    if len(lines) == 1:
        return lines
    return [f"{indent}/**", *wrapped(text, f"{indent} * ", f"{indent} * "), f"{indent} */"]


def javascript_argument(argument: Argument) -> str:
    return camel(argument.name) + ("" if argument.default is None else f" = '{argument.default}'")


def typescript_argument(argument: Argument) -> str:
    optional = "" if argument.default is None else "?"
    return f"{camel(argument.name)}{optional}: {'Secret' if argument.is_secret else 'string'}"


def typescript_type(model: Model, member: Member) -> str:
    if record := model.record(member):
        return f"{record.name}[]"
    if record := model.single(member):
        return record.name
    return member.type if model.enumeration(member.type) else TYPES[member.type]


def spelled(value: Argument | str) -> str:
    return camel(value.name) if isinstance(value, Argument) else f"'{value}'"
