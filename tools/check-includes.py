#!/usr/bin/env python3
"""Checks that the C and C++ modules of some folders do not include one another in a circle.

    tools/check-includes.py FOLDER...

A module is a source file with the header of the same name, by which it is called here. An include
of a file outside the folders is not followed. `python3 -m doctest tools/check-includes.py` runs the
examples below.
"""

import pathlib
import re
import sys

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.MULTILINE)
SUFFIXES = {".c": ".h", ".h": ".h", ".cpp": ".hpp", ".hpp": ".hpp", ".def": ".def"}

Graph = dict[str, set[str]]


def modules(sources: dict[pathlib.Path, str]) -> Graph:
    """Returns the modules that each module includes, from the text of each file.

    >>> sources = {"a.c": '#include "a.h"\\n#include "b.h"', "a.h": "", "b.h": '#include "pims.h"'}
    >>> modules({pathlib.Path(path): text for path, text in sources.items()})
    {'a.h': {'b.h'}, 'b.h': set()}
    """
    names = {path.resolve(): str(path.with_suffix(SUFFIXES[path.suffix])) for path in sources}
    graph: Graph = {name: set() for name in names.values()}
    for path, text in sources.items():
        name = names[path.resolve()]
        for included in INCLUDE.findall(text):
            other = names.get((path.parent / included).resolve())
            if other is not None and other != name:
                graph[name].add(other)
    return graph


def circle(graph: Graph) -> list[str]:
    """Returns the modules of one circle, the first one again at its end, or nothing.

    >>> circle({"fixture": {"call", "peer"}, "call": set(), "peer": {"call"}})
    []
    >>> circle({"a": {"call"}, "call": {"fixture"}, "fixture": {"peer"}, "peer": {"call"}})
    ['call', 'fixture', 'peer', 'call']
    """
    done: set[str] = set()

    def walk(path: list[str]) -> list[str]:
        for other in sorted(graph[path[-1]] - done):
            found = [*path[path.index(other) :], other] if other in path else walk([*path, other])
            if found:
                return found
        done.add(path[-1])
        return []

    for name in sorted(graph):
        found = walk([name]) if name not in done else []
        if found:
            return found
    return []


def main(folders: list[str]) -> str | None:
    files = [path for folder in folders for path in sorted(pathlib.Path(folder).rglob("*"))]
    sources = {path: path.read_text(encoding="utf-8") for path in files if path.suffix in SUFFIXES}
    graph = modules(sources)
    includes = sum(len(others) for others in graph.values())
    found = circle(graph)
    if found:
        return "a circle of includes: " + " -> ".join(found)
    if includes == 0:
        return f"no includes between modules of {' '.join(folders)}: are these the right folders?"
    print(f"{len(graph)} modules, {includes} includes, no circle")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
