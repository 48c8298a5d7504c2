#!/usr/bin/env python3
"""Makes the npm packages of bindings/node.

    tools/node-packages.py OUT PLATFORM=ADDON…

libpims-VERSION.tgz is the package `libpims`: JavaScript and types. For each PLATFORM, such as
linux-x64-gnu, libpims-PLATFORM-VERSION.tgz has its native part: ADDON is the library of the crate
`pims-node` for it. npm installs the one for the system it runs on, by `os`, `cpu` and `libc`. The
same files give the same packages.

The native part must be of its platform: its processor and its C library are read from it.
"""

import gzip
import io
import json
import pathlib
import re
import struct
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "bindings" / "node"
MACHINES = {"x64": 62, "arm64": 183}
C_LIBRARIES = {"gnu": "glibc", "musl": "musl"}
# npm gives this time to each file, for the same bytes every time: 1985-10-26.
TIME = 499162500


def main(out, *addons):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    package = json.loads((SOURCE / "package.json").read_text(encoding="utf-8"))
    version = package["version"]
    check_versions(package)
    made = [pack(out, "libpims", version, sources(package))]
    for addon in addons:
        platform, _, file = addon.partition("=")
        name = f"libpims-{platform}"
        if name not in package["optionalDependencies"] or not file:
            sys.exit(f"{addon}: expected PLATFORM=ADDON, with a platform of {', '.join(package['optionalDependencies'])}")
        made.append(pack(out, name, version, native(package, platform, pathlib.Path(file).read_bytes())))
    for path in made:
        print(path)


def check_versions(package):
    """Fails if a version is not the one of the library."""
    library = re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE)[1]
    for name, version in {"version": package["version"], **package["optionalDependencies"]}.items():
        if version != library:
            sys.exit(f"bindings/node/package.json: {name} is {version}, and the library is {library}")


def sources(package):
    """Returns the files of the package `libpims`."""
    files = {}
    for name in ["package.json", "README.md", *package["files"]]:
        path = SOURCE / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                files[file.relative_to(SOURCE).as_posix()] = file.read_bytes()
    return files


def native(package, platform, library):
    """Returns the files of a platform's package."""
    system, cpu, c_library = platform.split("-")
    check_library(platform, library, MACHINES[cpu], c_library)
    manifest = {
        "name": f"libpims-{platform}",
        "version": package["version"],
        "description": f"The native part of libpims for {platform}. Install the package libpims.",
        "license": package["license"],
        "main": "pims.node",
        "files": ["pims.node", "LICENSE-APACHE", "LICENSE-MIT"],
        "os": [system],
        "cpu": [cpu],
        "libc": [C_LIBRARIES[c_library]],
        "engines": package["engines"],
    }
    return {
        "package.json": (json.dumps(manifest, indent=2) + "\n").encode(),
        "README.md": f"# libpims-{platform}\n\n{manifest['description']}\n".encode(),
        "LICENSE-APACHE": (ROOT / "LICENSE-APACHE").read_bytes(),
        "LICENSE-MIT": (ROOT / "LICENSE-MIT").read_bytes(),
        "pims.node": library,
    }


def check_library(platform, library, machine, c_library):
    """Fails if a library is of another platform.

    >>> check_library("linux-x64-gnu", b"\\x7fELF" + bytes(14) + b"\\x3e\\0", 62, "gnu")
    Traceback (most recent call last):
    SystemExit: linux-x64-gnu: the library has no name of a C library
    >>> check_library("linux-arm64-gnu", b"\\x7fELF" + bytes(14) + b"\\x3e\\0", 183, "gnu")
    Traceback (most recent call last):
    SystemExit: linux-arm64-gnu: the library is of another processor
    >>> check_library("linux-x64-musl", b"\\x7fELF" + bytes(14) + b"\\x3e\\0\\0libc.so.6\\0", 62, "musl")
    Traceback (most recent call last):
    SystemExit: linux-x64-musl: the library is linked with glibc
    >>> check_library("linux-x64-musl", b"\\x7fELF" + bytes(14) + b"\\x3e\\0\\0libc.so\\0", 62, "musl")
    """
    if library[:4] != b"\x7fELF" or struct.unpack_from("<H", library, 18)[0] != machine:
        sys.exit(f"{platform}: the library is of another processor")
    # The names of needed libraries stand in it as texts with a zero at the end.
    found = "gnu" if b"\0libc.so.6\0" in library else "musl" if re.search(rb"\0libc\.(so|musl-\w+\.so\.1)\0", library) else None
    if found is None:
        sys.exit(f"{platform}: the library has no name of a C library")
    if found != c_library:
        sys.exit(f"{platform}: the library is linked with {C_LIBRARIES[found]}")


def pack(out, name, version, files):
    """Writes a package in npm's form. Returns its path."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, content in files.items():
            info = tarfile.TarInfo(f"package/{path}")
            info.size, info.mtime, info.mode = len(content), TIME, 0o644
            tar.addfile(info, io.BytesIO(content))
    path = out / f"{name}-{version}.tgz"
    path.write_bytes(gzip.compress(packed.getvalue(), mtime=0))
    return path


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: tools/node-packages.py OUT PLATFORM=ADDON…")
    main(*sys.argv[1:])
