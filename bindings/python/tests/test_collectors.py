"""Programs that contain the package: frozen programs and zip archives."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipapp
from pathlib import Path
from typing import List, Optional

import pytest

import libpims
from conftest import DEADLINE

PACKAGE = Path(libpims.__file__).parent

# The program uses a callback. It prints lines that the test checks.
PROGRAM = """
import sys
import libpims
with libpims.session({"storage": {"path": sys.argv[1]}}) as device:
    with device.watch(print):
        print(libpims.version(), device.is_activated())
print(libpims.library_path())
"""


def run(command: List[str], folder: Path, temporary: Optional[Path] = None) -> "subprocess.CompletedProcess[str]":
    """Runs a program that finds no package and no library but its own."""
    hidden = ("PIMS_LIBRARY", "PYTHONPATH", "LD_LIBRARY_PATH")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    if temporary is not None:
        environment["TMPDIR"] = str(temporary)
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=DEADLINE, check=False)


def archive(folder: Path, *left_out: str) -> Path:
    """Makes a zipapp of the program and the package."""
    source = folder / "source"
    shutil.copytree(PACKAGE, source / "libpims", ignore=shutil.ignore_patterns("__pycache__", *left_out))
    (source / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    target = folder / "program.pyz"
    zipapp.create_archive(source, target)
    shutil.rmtree(source)
    return target


@pytest.mark.parametrize(
    "options", [["--onedir"], ["--onefile"], ["--onedir", "--collect-binaries", "libpims"]], ids=["onedir", "onefile", "collected"]
)
def test_pyinstaller_finds_the_library(options: List[str], tmp_path: Path) -> None:
    if not sysconfig.get_config_var("Py_ENABLE_SHARED"):
        pytest.skip("PyInstaller needs a Python with a shared library")
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    frozen = subprocess.run(
        [sys.executable, "-m", "PyInstaller", *options, "--noconfirm", "--log-level", "WARN", "program.py"],
        cwd=tmp_path,
        # A cache of its own, not the user's.
        env={**os.environ, "PYINSTALLER_CONFIG_DIR": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        # PyInstaller reads all of Python.
        timeout=10 * DEADLINE,
        check=False,
    )
    assert frozen.returncode == 0, frozen.stderr
    program = tmp_path / "dist/program"
    ended = run([str(program if program.is_file() else program / "program"), str(tmp_path / "state")], tmp_path)
    assert ended.returncode == 0, ended.stderr
    first, library = ended.stdout.splitlines()
    assert first == f"{libpims.version()} False"
    assert Path(library).parts[-3:] == ("libpims", "_lib", "libpims.so")
    assert PACKAGE not in Path(library).parents


def test_the_library_has_the_name_that_collectors_look_for() -> None:
    # PyInstaller's collect_dynamic_libs, Nuitka and cx_Freeze take "*.so", and not "*.so.0".
    assert [file.name for file in (PACKAGE / "_lib").iterdir()] == ["libpims.so"]


def test_a_zipapp_loads_the_library_and_leaves_no_file(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    program = archive(tmp_path)
    ended = run([sys.executable, "-S", "-E", str(program), str(tmp_path / "state")], tmp_path, temporary)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [f"{libpims.version()} False", f"{program}/libpims/_lib/libpims.so"]
    assert list(temporary.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root can mount a file system without programs")
def test_a_zipapp_says_that_its_folder_for_temporary_files_permits_no_programs(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "noexec", "none", str(temporary)], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("this system permits no mount")
    try:
        ended = run([sys.executable, "-S", "-E", str(archive(tmp_path)), str(tmp_path / "state")], tmp_path, temporary)
    finally:
        subprocess.run(["umount", str(temporary)], check=True)
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert "is inside an archive" in last and "TMPDIR" in last and "failed to map segment" in last


@pytest.mark.parametrize("is_parent", [False, True], ids=["folder", "parent"])
@pytest.mark.parametrize("mode", [0o777, 0o773])
def test_a_zipapp_refuses_a_folder_for_temporary_files_in_which_others_can_exchange_its_library(
    tmp_path: Path, mode: int, is_parent: bool
) -> None:
    outer = tmp_path / "outer"
    temporary = outer / "temporary"
    temporary.mkdir(parents=True)
    changed = outer if is_parent else temporary
    changed.chmod(mode)
    command = [sys.executable, "-S", "-E", str(archive(tmp_path)), str(tmp_path / "state")]
    ended = run(command, tmp_path, temporary)
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert f"others than its owner may write to the folder {changed} (mode {mode:04o})" in last and "TMPDIR" in last
    assert list(temporary.iterdir()) == []
    # The sticky bit keeps other users from renaming the file, as in /tmp.
    changed.chmod(mode | 0o1000)
    ended = run(command, tmp_path, temporary)
    assert ended.returncode == 0, ended.stderr


def test_a_zipapp_refuses_the_real_folder_behind_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    real.chmod(0o777)
    link.symlink_to(real)
    ended = run([sys.executable, "-S", "-E", str(archive(tmp_path)), str(tmp_path / "state")], tmp_path, link)
    assert ended.returncode == 1 and f"may write to the folder {real} " in ended.stderr


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_zipapp_refuses_a_folder_for_temporary_files_of_another_user(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    os.chown(temporary, 1234, -1)
    ended = run([sys.executable, "-S", "-E", str(archive(tmp_path)), str(tmp_path / "state")], tmp_path, temporary)
    assert ended.returncode == 1 and f"the folder {temporary} belongs to user 1234" in ended.stderr


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root can give a folder to another group")
def test_a_zipapp_takes_a_folder_that_is_open_to_a_private_group_alone(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    temporary.chmod(0o770)
    command = [sys.executable, "-S", "-E", str(archive(tmp_path)), str(tmp_path / "state")]
    os.chown(temporary, -1, 0)
    ended = run(command, tmp_path, temporary)
    assert ended.returncode == 0, ended.stderr
    # No user has this group.
    os.chown(temporary, -1, 4321)
    ended = run(command, tmp_path, temporary)
    assert ended.returncode == 1 and f"may write to the folder {temporary} (mode 0770)" in ended.stderr


def test_a_program_without_the_library_says_what_to_collect(tmp_path: Path) -> None:
    program = archive(tmp_path, "_lib")
    ended = run([sys.executable, "-S", "-E", str(program), str(tmp_path / "state")], tmp_path)
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert "libpims was not found" in last and "PIMS_LIBRARY" in last and "--collect-binaries libpims" in last
