#!/usr/bin/env python3
"""Prints the typed operations of the bindings from tests/spec/api.json and operations.json.

    tools/generate-operations.py             writes the files
    tools/generate-operations.py --check     fails if a file is not the newest

The check also runs the examples in the printers (tools/operations).
"""

import doctest
import pathlib
import sys

from operations import cpp, kotlin, node, python, swift, text
from operations import model as tables

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main(*options):
    try:
        model = tables.read(ROOT / "tests" / "spec")
    except tables.TableError as error:
        sys.exit(f"tests/spec: {error}")
    printed = {}
    for language in (cpp, kotlin, node, python, swift):
        printed |= language.files(model)
    old = [name for name, content in printed.items() if committed(ROOT / name) != content]
    if options == ("--check",):
        if any(doctest.testmod(module).failed for module in (cpp, kotlin, node, python, swift, tables, text)):
            sys.exit("an example of tools/operations is wrong")
        if old:
            sys.exit(f"not what tests/spec says now: {', '.join(old)}: run `make generate`")
        return
    for name in old:
        (ROOT / name).write_text(printed[name], encoding="utf-8")
        print(name)


def committed(path):
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit("usage: tools/generate-operations.py [--check]")
    main(*sys.argv[1:])
