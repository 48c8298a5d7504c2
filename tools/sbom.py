#!/usr/bin/env python3
"""Writes a software bill of materials, CycloneDX 1.5 as JSON, to standard output.

    tools/sbom.py KIND [TARGET=FILE…]          Python 3.11 or newer

KIND is `library`, `program`, `service`, `jni` (the native library of the jar) or `node` (that of
the npm packages). It lists the crates that are compiled in with default features, by the lock file,
on the named targets of Rust or on this machine's. Crates for builds and tests only are left out. It
also lists SQLite and AWS-LC, which crates bring as C. The SHA-256 of each FILE stands in it too.
The same source and files give the same bytes: it has no time and no random number. It is no list of
weaknesses.

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


# The crate of each kind, and what it is.
KINDS = {
    "library": ("pims", "library"),
    "program": ("cli", "application"),
    "service": ("authority-server", "application"),
    "jni": ("pims-jni", "library"),
    "node": ("pims-node", "library"),
}


def main(kind, *files):
    package, type_of_it = KINDS[kind]
    files = [file.split("=", 1) for file in files]
    packages, edges = {}, {}
    for target in [target for target, _ in files] or [None]:
        lines = tree(package, target, "{p}\t{l}")
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
    add_aws_lc(components, dependencies, packages)
    product = component(root, packages[root]) | {"type": type_of_it}
    if files:
        product["components"] = [file_component(target, pathlib.Path(path)) for target, path in files]
    print(json.dumps(document(product, components, dependencies), indent=2))


def file_component(target, path):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"type": "file", "name": f"{target}/{path.name}", "hashes": [{"alg": HASH, "content": digest}]}


def tree(package, target, form):
    """Returns the crates that are linked into a crate for a target, as lines of depth and form. A
    repeated crate is not unfolded again."""
    command = [
        "cargo",
        "tree",
        "--locked",
        "--package",
        package,
        *(["--target", target] if target else []),
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


def add_aws_lc(components, dependencies, packages):
    """Adds the C code that aws-lc-sys compiles in. Its version stands in a header of it."""
    crate = next((crate for crate in packages if crate[0] == "aws-lc-sys"), None)
    if crate is None:
        return
    header = pathlib.Path(manifest_of(crate)).parent / "aws-lc" / "include" / "openssl" / "base.h"
    version = re.search(r'^#define AWSLC_VERSION_NUMBER_STRING\s+"([0-9.]+)"', header.read_text(), re.MULTILINE).group(1)
    purl = f"pkg:generic/aws-lc@{version}"
    components.append(
        {
            "type": "library",
            "bom-ref": purl,
            "name": "aws-lc",
            "version": version,
            # The crate is AWS-LC and its build.
            "licenses": [{"expression": packages[crate]}],
            "purl": purl,
        }
    )
    dependencies[reference(crate)].add(purl)
    dependencies[purl] = set()


def manifest_of(crate):
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    return next(package["manifest_path"] for package in metadata["packages"] if (package["name"], package["version"]) == crate)


def document(product, components, dependencies):
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": product},
        "components": sorted(components, key=lambda one: one["bom-ref"]),
        "dependencies": [{"ref": one, "dependsOn": sorted(dependencies[one])} for one in sorted(dependencies)],
    }
    # The serial number names this content: a different content has a different number.
    bom["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(bom, sort_keys=True)).urn
    return bom


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in KINDS:
        sys.exit(__doc__)
    main(*sys.argv[1:])
