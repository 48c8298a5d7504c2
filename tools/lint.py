#!/usr/bin/env python3
"""Checks the files that are not Rust.

    tools/lint.py FOLDER             checks
    tools/lint.py FOLDER --format    formats Python, C and C++

Shell by shellcheck, Python by ruff, C and C++ by clang-format, deploy/Dockerfile by hadolint, the
spelling of all files by typos. FOLDER becomes a virtual environment with the versions that
tools/requirements-lint.txt names, from PyPI. Files that Git does not know yet are checked too.
"""

import fnmatch
import os
import pathlib
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "tools" / "requirements-lint.txt"

SHELL = ["*.sh", ".ci/run"]
PYTHON = ["*.py"]
# pims.h is made by cbindgen; one is that of an older commit.
C = ["*.c", "*.h", "*.cpp", "*.hpp", ":!include/pims.h", ":!tests/data/fb07e63/pims.h"]

CHECKS = [
    (["shellcheck"], SHELL),
    (["ruff", "check", "--quiet"], PYTHON),
    (["ruff", "format", "--quiet", "--diff"], PYTHON),
    (["clang-format", "--dry-run", "--Werror"], C),
    (["hadolint", "--failure-threshold", "info"], ["deploy/Dockerfile"]),
    (["typos", "--force-exclude"], ["."]),
]
FORMATS = [
    (["ruff", "format", "--quiet"], PYTHON),
    (["ruff", "check", "--quiet", "--fix"], PYTHON),
    (["clang-format", "-i"], C),
]


def main(folder, *options):
    folder = pathlib.Path(folder).absolute()
    os.chdir(ROOT)
    install(folder)
    os.environ["PATH"] = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    commands = FORMATS if options == ("--format",) else CHECKS
    failed = [" ".join(command) for command, patterns in commands if not run(command, patterns)]
    for name in sorted(programs() - {*files(SHELL), *files(PYTHON)}):
        print(f"{name}: a program whose name ends in neither .sh nor .py is not checked", file=sys.stderr)
        failed.append("extensions")
    if failed:
        hint = "; `make format` formats" if any("format" in command for command in failed) else ""
        sys.exit(f"lint: {', '.join(failed)} failed{hint}")


def install(folder):
    installed = folder / "installed"
    if installed.exists() and installed.read_text() == REQUIREMENTS.read_text():
        return
    venv.create(folder, clear=True, with_pip=True)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--requirement", REQUIREMENTS], check=True)
    installed.write_text(REQUIREMENTS.read_text())


def run(command, patterns):
    """Returns whether a command accepts the files of these patterns, of which there must be one."""
    return subprocess.run([*command, *files(patterns)], check=False).returncode == 0


def programs():
    """Returns the files that name an interpreter. Rust's `#![…]` names none."""

    def begins(name):
        with open(name, "rb") as file:
            return file.read(3)

    return {name for name in files(["."]) if begins(name).startswith(b"#!") and begins(name) != b"#!["}


def files(patterns):
    listed = known_to_git(patterns) if os.path.isdir(".git") or os.path.isfile(".git") else walked(patterns)
    # A file that was removed is listed until its removal is committed.
    found = sorted({name for name in listed if os.path.isfile(name)})
    if not found:
        sys.exit(f"lint: there is no file for {' '.join(patterns)}")
    return found


def known_to_git(patterns):
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split("\0")


def walked(patterns):
    """Returns the files of a source tree without Git, such as an unpacked tarball."""
    excluded = {pattern[2:] for pattern in patterns if pattern.startswith(":!")}
    found = []
    for folder, folders, names in os.walk("."):
        folders[:] = [name for name in folders if name not in ("build", "target", "node_modules", "__pycache__")]
        paths = [os.path.relpath(os.path.join(folder, name)) for name in names]
        for path in paths:
            if path not in excluded and any(one == "." or fnmatch.fnmatch(path, one) for one in patterns):
                found.append(path)
    return found


if __name__ == "__main__":
    if sys.argv[2:] not in ([], ["--format"]) or len(sys.argv) < 2:
        sys.exit("usage: tools/lint.py FOLDER [--format]")
    main(*sys.argv[1:])
