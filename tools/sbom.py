#!/usr/bin/env python3
"""Writes the software bill of materials of the library, CycloneDX 1.5 as JSON, to standard output.

    tools/sbom.py [LIBRARY]          Python 3.11 or newer

It lists the crates that are compiled into libpims with its default features on this machine's
target, by the lock file. Crates for builds and tests only are left out. It also lists SQLite, which
a crate brings as C. With LIBRARY, the file's SHA-256 stands in it too. The same source gives the
same bytes: it has no time and no random number. It is no list of weaknesses.

cargo-cyclonedx (0.5.9) was tried in its place. It listed 215 components, where `cargo tree` finds
92 in the library: it counts crates that other members of the workspace turn on (tokio, postgres),
and crates that run at build time alone (syn). It lacked SQLite, and named the folder of the build.
It writes a file beside the Cargo.toml of each member, and takes minutes to build.
"""

import functools
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tomllib
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
HASH = "SHA-256"


def main(arguments):
    lines = tree("{p}\t{l}")
    packages, edges = {}, {}
    path = []
    for line in lines:
        depth, crate, licence = parse(line)
        del path[depth:]
        packages.setdefault(crate, licence)
        edges.setdefault(crate, set())
        if path:
            edges[path[-1]].add(crate)
        path.append(crate)
    root = parse(lines[0])[1]
    components = [component(crate, licence) for crate, licence in packages.items() if crate != root]
    dependencies = {reference(crate): {reference(other) for other in others} for crate, others in edges.items()}
    add_sqlite(components, dependencies, packages)
    library = component(root, packages[root])
    if arguments:
        library["hashes"] = [{"alg": HASH, "content": hashlib.sha256(pathlib.Path(arguments[0]).read_bytes()).hexdigest()}]
    print(json.dumps(document(library, components, dependencies), indent=2))


def tree(form):
    """Returns the crates that are linked into the library, as lines of depth and form. A repeated
    crate is not unfolded again."""
    command = [
        "cargo",
        "tree",
        "--locked",
        "--package",
        "pims",
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "depth",
        "--format",
        "\t" + form,
    ]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return output.splitlines()


def parse(line):
    """Returns depth, (name, version) and licence of a line such as
    `1<TAB>aes v0.9.0<TAB>MIT OR Apache-2.0 (*)`."""
    depth, package, licence = line.split("\t")
    name, version = package.split(" ")[:2]
    licence = licence.removesuffix(" (*)")
    # The old notation of a choice, which SPDX does not know.
    return int(depth), (name, version.removeprefix("v")), licence.replace("/", " OR ")


@functools.cache
def checksums():
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    return {(package["name"], package["version"]): package.get("checksum") for package in lock["package"]}


def reference(crate):
    """Returns a package URL. Our own crates are not those of crates.io with the same names."""
    return f"pkg:{'cargo' if checksums()[crate] else 'generic'}/{crate[0]}@{crate[1]}"


def component(crate, licence):
    found = {"type": "library", "bom-ref": reference(crate), "name": crate[0], "version": crate[1]}
    if checksums()[crate]:
        found["hashes"] = [{"alg": HASH, "content": checksums()[crate]}]
    if licence:
        found["licenses"] = [{"expression": licence}]
    found["purl"] = reference(crate)
    return found


def add_sqlite(components, dependencies, packages):
    """Adds the C code that libsqlite3-sys compiles in. Its version stands in the header beside
    it."""
    crate = next((crate for crate in packages if crate[0] == "libsqlite3-sys"), None)
    if crate is None:
        return
    header = pathlib.Path(manifest_of(crate)).parent / "sqlite3" / "sqlite3.h"
    version = re.search(r'^#define SQLITE_VERSION\s+"([0-9.]+)"', header.read_text(), re.MULTILINE).group(1)
    purl = f"pkg:generic/sqlite@{version}"
    components.append(
        {
            "type": "library",
            "bom-ref": purl,
            "name": "sqlite",
            "version": version,
            "licenses": [{"expression": "blessing"}],
            "cpe": f"cpe:2.3:a:sqlite:sqlite:{version}:*:*:*:*:*:*:*",
            "purl": purl,
        }
    )
    dependencies[reference(crate)].add(purl)
    dependencies[purl] = set()


def manifest_of(crate):
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    return next(package["manifest_path"] for package in metadata["packages"] if (package["name"], package["version"]) == crate)


def document(library, components, dependencies):
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": library},
        "components": sorted(components, key=lambda one: one["bom-ref"]),
        "dependencies": [{"ref": one, "dependsOn": sorted(dependencies[one])} for one in sorted(dependencies)],
    }
    # The serial number names this content: a different content has a different number.
    bom["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(bom, sort_keys=True)).urn
    return bom


if __name__ == "__main__":
    main(sys.argv[1:])
