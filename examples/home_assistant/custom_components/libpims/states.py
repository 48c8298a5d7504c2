"""The state files of other clients: where they are, and the text that the library imports.

Nothing here reads their content. The library does, as data: a pickle is a program, and never run.
"""

from __future__ import annotations

import base64
from pathlib import Path

from homeassistant.components.file_upload import process_uploaded_file
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import STORAGE_DIR

#: The integration whose state lies in the same Home Assistant.
OTHER_INTEGRATION = "stellantis_vehicles"

#: The largest state that the library reads, see docs/enrollment-format.md.
MOST_BYTES = 64 * 1024


class TooLarge(Exception):
    """The file is larger than any state."""


def found(hass: HomeAssistant) -> list[str]:
    """Returns the names of the other integration's state files. It reads the disk."""
    folder = _folder(hass)
    return sorted(path.name for path in folder.glob("*_otp.pickle") if path.is_file() and not path.is_symlink())


def is_other_running(hass: HomeAssistant) -> bool:
    """Returns whether an entry of the other integration is loaded, and may make passwords."""
    return any(entry.state is ConfigEntryState.LOADED for entry in hass.config_entries.async_entries(OTHER_INTEGRATION))


def read_found(hass: HomeAssistant, name: str) -> str:
    """Returns the state of a file that `found` named. It reads the disk."""
    if name not in found(hass):
        raise FileNotFoundError(name)
    return _read(_folder(hass) / name)


def read_uploaded(hass: HomeAssistant, file_id: str) -> str:
    """Returns the state of an uploaded file, which is removed. It reads the disk."""
    try:
        with process_uploaded_file(hass, file_id) as path:
            return _read(path)
    except ValueError as error:
        # Home Assistant says so for a file that an earlier form has consumed.
        raise FileNotFoundError(file_id) from error


def _folder(hass: HomeAssistant) -> Path:
    return Path(hass.config.path(STORAGE_DIR, OTHER_INTEGRATION))


def _read(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise TooLarge
    try:
        # A state in JSON, or a pickle that its client has written in base64.
        return content.decode("utf-8").strip()
    except UnicodeDecodeError:
        # No pickle is UTF-8: its first byte is 0x80.
        return base64.b64encode(content).decode("ascii")
