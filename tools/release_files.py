#!/usr/bin/env python3
"""Checks that a folder has the files of a release, each of them and no other:

    tools/release_files.py FOLDER

The environment variable SYSTEMS names the targets of Rust that the release is for; without it they
are the four of `make dist`. WITHOUT names files that may be missing, by patterns of the shell with
blanks between them, such as `*.whl *.jar`. SHA256SUMS, the statement of provenance and their
signatures are not looked at: they are made from the rest.
"""

import fnmatch
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SYSTEMS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl")
# The names that the packages have for a processor.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
PROCESSORS_OF_NODE = {"x86_64": "x64", "aarch64": "arm64"}
PLATFORMS_OF_WHEELS = {"gnu": "manylinux_2_28", "musl": "musllinux_1_2"}


def systems():
    """Returns the targets of Rust that the environment names."""
    return os.environ.get("SYSTEMS", "").split() or list(SYSTEMS)


def without():
    """Returns the patterns of the files that may be missing, as the environment names them."""
    return os.environ.get("WITHOUT", "").split()


def expected(version, targets):
    """Returns the names of the files of a release for these targets of Rust.

    >>> names = expected("0.1.0", ["aarch64-unknown-linux-musl"])
    >>> len(names), "libpims-0.1.0-py3-none-musllinux_1_2_aarch64.whl" in names, "libpims-linux-arm64-musl-0.1.0.tgz" in names
    (12, True, True)
    >>> len(expected("0.1.0", SYSTEMS)), len(expected("0.1.0", SYSTEMS[:1]))
    (33, 19)
    """
    names = {
        *(f"libpims-{version}{end}" for end in (".tar.gz", ".tgz", ".jar", "-sources.jar", "-javadoc.jar", ".pom", ".cdx.json")),
        *(f"libpims-{kind}-{version}.cdx.json" for kind in ("jni", "node")),
    }
    for target in targets:
        if target not in SYSTEMS:
            sys.exit(f"release_files: {target} is no system of a release: {', '.join(SYSTEMS)}")
        processor, *_, c_library = target.split("-")
        names |= {
            f"libpims-{version}-{target}.tar.gz",
            f"libpims-{version}-py3-none-{PLATFORMS_OF_WHEELS[c_library]}_{processor}.whl",
            f"libpims-linux-{PROCESSORS_OF_NODE[processor]}-{c_library}-{version}.tgz",
        }
        if c_library == "gnu":
            packages = ("libpims0", "libpims-dev", "pims", "pims-authority")
            names |= {f"{package}_{version}_{ARCHITECTURES[processor]}.deb" for package in packages}
            names |= {f"pims-authority-{version}-{target}.tar.gz", f"pims-{version}.cdx.json", f"pims-authority-{version}.cdx.json"}
    return names


def is_made_from_the_rest(name):
    """Returns whether a name is that of the checksums, of the statement, or of a signature of
    one."""
    return name.startswith((".", "SHA256SUMS")) or ".provenance.json" in name


def faults(folder):
    """Returns sentences about files that are missing, and about files that belong to no release."""
    version = re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    names = expected(version, systems())
    there = {path.name for path in pathlib.Path(folder).iterdir() if not is_made_from_the_rest(path.name)}
    missing = [name for name in sorted(names - there) if not any(fnmatch.fnmatchcase(name, pattern) for pattern in without())]
    return [f"{name} is missing" for name in missing] + [f"{name} is no file of this release" for name in sorted(there - names)]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = faults(sys.argv[1])
    if found:
        sys.exit("\n".join(f"release_files: {sys.argv[1]}: {fault}" for fault in found))
