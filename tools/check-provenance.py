#!/usr/bin/env python3
"""Checks the statement of provenance of a folder: its form (in-toto statement v1, SLSA provenance
v1), that it names the files of the folder and no other, and that commit and lock files are those of
the source.

    tools/check-provenance.py FOLDER
"""

import hashlib
import json
import pathlib
import re
import subprocess
import sys

import provenance
import release_files

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main(folder):
    folder = pathlib.Path(folder)
    (path,) = folder.glob("*.provenance.json")
    statement = json.loads(path.read_text())
    expect(set(statement) == {"_type", "subject", "predicateType", "predicate"}, "it has other members")
    expect(statement["_type"] == "https://in-toto.io/Statement/v1", "it is no in-toto statement")
    expect(statement["predicateType"] == "https://slsa.dev/provenance/v1", "it is no provenance of SLSA")
    named = {one["name"]: one["digest"] for one in statement["subject"]}
    there = {
        file.name: {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
        for file in folder.iterdir()
        if not release_files.is_made_from_the_rest(file.name)
    }
    expect(named == there, f"it names {sorted(set(named) ^ set(there)) or 'other bytes'}")

    # Required by the predicate: buildType, externalParameters, builder.id.
    definition, details = (statement["predicate"][key] for key in ("buildDefinition", "runDetails"))
    uri = re.compile(r"[a-z][a-z0-9+.-]*:\S+")
    expect(uri.fullmatch(definition["buildType"]) and uri.fullmatch(details["builder"]["id"]), "a type or a builder is no URI")
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    expect(definition["externalParameters"]["source"]["gitCommit"] == commit, "it is of another commit")
    dependencies = {one["name"]: one["digest"] for one in definition["resolvedDependencies"]}
    locks = {lock: {"sha256": provenance.digest(ROOT / lock)} for lock in provenance.LOCKS}
    expect(dependencies == {"source": {"gitCommit": commit}} | locks, "it is of other lock files")
    expect("rustc" in details["builder"]["version"], "it names no compiler")
    print(
        f"ok: the statement of provenance names {len(named)} files, commit {commit[:8]}, {len(locks)} lock files and {len(details['builder']['version'])} tools"
    )


def expect(holds, otherwise):
    if not holds:
        sys.exit(f"{sys.argv[1]}: the statement of provenance: {otherwise}")


if __name__ == "__main__":
    main(sys.argv[1])
