"""Puts the program's folder on the path, so that the tests find its modules as the program does."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
