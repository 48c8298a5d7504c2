#!/usr/bin/env python3
"""Makes the npm packages of bindings/node.

    tools/node-packages.py [--for-registry] OUT PLATFORM=ADDON…

libpims-VERSION.tgz is the package `libpims`: JavaScript and types. For each PLATFORM, such as
linux-x64-gnu, libpims-PLATFORM-VERSION.tgz has its native part: ADDON is the library of the crate
`pims-node` for it. npm packages that OUT has from an earlier run are removed. The same files give
the same packages.

By default, `libpims` names the native parts of this call as optional peers. If npm installs them in
the same command, it asks no registry. With --for-registry it names those of all systems as optional
dependencies, and npm fetches the one of the system that it runs on, by `os`, `cpu` and `libc`.
Install such a package only from a registry in which all these names are yours.

The native part must be of its platform: its processor and its C library are read from it.
"""

import gzip
import io
import json
import pathlib
import re
import sys
import tarfile

import elf

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "bindings" / "node"
PROCESSORS = {"x64": "x86_64", "arm64": "aarch64"}
PLATFORMS = [f"linux-{cpu}-{c_library}" for cpu in sorted(PROCESSORS) for c_library in sorted(elf.C_LIBRARIES)]
# npm gives this time to each file, for the same bytes every time: 1985-10-26.
TIME = 499162500


def main(*arguments):
    is_for_registry = arguments[:1] == ("--for-registry",)
    out, *addons = arguments[is_for_registry:]
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("libpims-*.tgz"):
        old.unlink()
    package = json.loads((SOURCE / "package.json").read_text(encoding="utf-8"))
    version = package["version"]
    check_version(version)
    parts = [addon.partition("=") for addon in addons]
    for platform, _, file in parts:
        if platform not in PLATFORMS or not file:
            sys.exit(f"{platform}={file}: expected PLATFORM=ADDON, with a platform of {', '.join(PLATFORMS)}")
    beside = None if is_for_registry else [platform for platform, _, _ in parts]
    made = [pack(out, "libpims", version, sources(package, beside))]
    for platform, _, file in parts:
        made.append(pack(out, f"libpims-{platform}", version, native(package, platform, file)))
    for path in made:
        print(path)


def check_version(version):
    """Fails if the package's version is not the one of the library."""
    library = re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE)[1]
    if version != library:
        sys.exit(f"bindings/node/package.json: version is {version}, and the library is {library}")


def manifest_of(package, beside):
    """Returns the package.json of `libpims`, with the names of the native parts: those of the
    platforms beside it, or of all platforms if `beside` is None.

    >>> local = manifest_of({"version": "1.2.3"}, ["linux-x64-musl"])
    >>> local["peerDependencies"], local["peerDependenciesMeta"]
    ({'libpims-linux-x64-musl': '1.2.3'}, {'libpims-linux-x64-musl': {'optional': True}})
    >>> "optionalDependencies" in local
    False
    >>> list(manifest_of({"version": "1.2.3"}, None)["optionalDependencies"])
    ['libpims-linux-arm64-gnu', 'libpims-linux-arm64-musl', 'libpims-linux-x64-gnu', 'libpims-linux-x64-musl']
    """
    parts = {f"libpims-{platform}": package["version"] for platform in (PLATFORMS if beside is None else beside)}
    if beside is None:
        return {**package, "optionalDependencies": parts}
    return {**package, "peerDependencies": parts, "peerDependenciesMeta": {name: {"optional": True} for name in parts}}


def sources(package, beside):
    """Returns the files of the package `libpims`."""
    manifest = json.dumps(manifest_of(package, beside), indent=2, ensure_ascii=False) + "\n"
    files = {"package.json": manifest.encode()}
    for name in ["README.md", *package["files"]]:
        path = SOURCE / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                files[file.relative_to(SOURCE).as_posix()] = file.read_bytes()
    return files


def native(package, platform, library):
    """Returns the files of a platform's package, and fails if the library is of another
    platform."""
    system, cpu, c_library = platform.split("-")
    try:
        elf.check(f"{PROCESSORS[cpu]}-unknown-{system}-{c_library}", library)
    except elf.Foreign as foreign:
        sys.exit(f"{platform}: {foreign}")
    manifest = {
        "name": f"libpims-{platform}",
        "version": package["version"],
        "description": f"The native part of libpims for {platform}. Install the package libpims.",
        "license": package["license"],
        "main": "pims.node",
        "files": ["pims.node", "LICENSE-APACHE", "LICENSE-MIT"],
        "os": [system],
        "cpu": [cpu],
        "libc": [elf.C_LIBRARIES[c_library]],
        "engines": package["engines"],
    }
    return {
        "package.json": (json.dumps(manifest, indent=2) + "\n").encode(),
        "README.md": f"# libpims-{platform}\n\n{manifest['description']}\n".encode(),
        "LICENSE-APACHE": (ROOT / "LICENSE-APACHE").read_bytes(),
        "LICENSE-MIT": (ROOT / "LICENSE-MIT").read_bytes(),
        "pims.node": pathlib.Path(library).read_bytes(),
    }


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
        sys.exit("usage: tools/node-packages.py [--for-registry] OUT PLATFORM=ADDON…")
    main(*sys.argv[1:])
