"""Names that several modules of the integration use."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

DOMAIN: Final = "libpims"

# Names of the data of a config entry. None of the data is a secret.
CONF_KIND: Final = "kind"
CONF_USERNAME: Final = "username"
CONF_INWEBO_URL: Final = "inwebo_url"
CONF_MAC_ID: Final = "mac_id"
CONF_CVS_URL: Final = "cvs_url"
CONF_CLIENT_ID: Final = "client_id"
CONF_BRAND: Final = "brand"
CONF_CA_FILE: Final = "ca_file"

# The options of a config entry.
CONF_PIN_MODE: Final = "pin_mode"
CONF_PASSWORDS_PER_DAY: Final = "passwords_per_day"
CONF_ACTIVATIONS: Final = "activations"
CONF_LOG_LEVEL: Final = "log_level"

BRANDS: Final = ("Peugeot", "Citroen", "Ds", "Opel", "Vauxhall")
LOG_LEVELS: Final = ("none", "low", "medium", "high")

# The limits that makers of public clients report, see docs/migrating.md. 0 is no limit.
DEFAULT_PASSWORDS_PER_DAY: Final = 6
DEFAULT_ACTIVATIONS: Final = 20
DEFAULT_LOG_LEVEL: Final = "low"


class Kind(StrEnum):
    """The service of an account."""

    #: The service inside the library, to try the integration out.
    EMBEDDED = "embedded"
    #: A service with an address.
    SERVICE = "service"


class PinMode(StrEnum):
    """The place of the PIN between two passwords."""

    #: Nowhere: each call of the action brings it.
    ASK = "ask"
    #: In the memory of Home Assistant, until it restarts.
    MEMORY = "memory"
    #: In a file of Home Assistant, in clear.
    STORE = "store"
