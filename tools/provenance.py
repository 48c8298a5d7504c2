#!/usr/bin/env python3
"""Writes a statement of provenance for the files of a folder to standard output: an in-toto
statement (v1) with a predicate of SLSA's provenance (v1).

    tools/provenance.py FOLDER [TOOLS…]

It says which files the release has, by their SHA-256, from which commit and lock files they were
built, by which command, settings and compilers. TOOLS are files with lines `NAME VERSION`. It has
no signature: so it proves nothing until a release signs it (docs/releasing.md). It has no time: the
same files give the same bytes.
"""

import hashlib
import json
import os
import pathlib
import platform
import subprocess
import sys

import release_files

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The form of `externalParameters`; docs/releasing.md describes it. Nothing is found at this name.
BUILD_TYPE = "tag:libpims.invalid,2026:make-dist/v1"
# The files that fix what is taken from registries.
LOCKS = (
    "Cargo.lock",
    "bindings/kotlin/tools/package-lock.json",
    "bindings/node/tools/package-lock.json",
    "bindings/python/requirements-dev.txt",
    "tests/browser/package-lock.json",
    "tools/requirements-zig.txt",
)
# The settings of `make dist` that go into files, beside SYSTEMS and WITHOUT.
SETTINGS = ("MAINTAINER", "MAVEN_GROUP", "MAVEN_URL", "MAVEN_DEVELOPER")


def main(folder, *tools):
    files = sorted(path for path in pathlib.Path(folder).iterdir() if not release_files.is_made_from_the_rest(path.name))
    commit = git("rev-parse", "HEAD")
    dirty = bool(git("status", "--porcelain", "--untracked-files=no"))
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": path.name, "digest": {"sha256": digest(path)}} for path in files],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "source": {"gitCommit": commit, "isModified": dirty},
                    "command": "make dist",
                    "settings": settings(),
                },
                "internalParameters": {"SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct")},
                "resolvedDependencies": [
                    {"name": "source", "digest": {"gitCommit": commit}},
                    *({"name": lock, "digest": {"sha256": digest(ROOT / lock)}} for lock in LOCKS),
                ],
            },
            "runDetails": {
                # A builder that signs puts its own URI here.
                "builder": {"id": os.environ.get("PIMS_BUILDER", "tag:libpims.invalid,2026:unnamed-builder"), "version": versions(tools)},
            },
        },
    }
    print(json.dumps(statement, indent=2))


def settings():
    """Returns what the environment changes in the files of a release."""
    texts = {name: os.environ[name] for name in SETTINGS if os.environ.get(name)}
    return {"SYSTEMS": " ".join(release_files.systems()), "WITHOUT": " ".join(release_files.without())} | texts


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def versions(tools):
    """Returns versions by the tool's name. Two versions of a tool stand beside each other."""
    found = {"python": {platform.python_version()}}
    for file in tools:
        for line in pathlib.Path(file).read_text().splitlines():
            name, version = line.split(" ", 1)
            found.setdefault(name, set()).add(version)
    return {name: "; ".join(sorted(found[name])) for name in sorted(found)}


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except OSError as error:
        sys.exit(f"provenance: {error.filename}: {error.strerror}")
