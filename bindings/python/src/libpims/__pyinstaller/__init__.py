"""The PyInstaller hook of this package. PyInstaller finds it by the entry point
``pyinstaller40``."""

from __future__ import annotations

from pathlib import Path
from typing import List


def get_hook_dirs() -> List[str]:
    """Returns the folder of the hook."""
    return [str(Path(__file__).parent)]
