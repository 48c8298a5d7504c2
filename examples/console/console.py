"""Sets up this machine as a device of an account, in the eight steps of docs/guide-enroll.md, and
makes one-time passwords.

    console.py [--service URL --dev FOLDER] [FOLDER]

Everything is kept in FOLDER, pims-console without one. Stopped at any moment and started again, it
goes on from where the device stands.

The service is the one inside the library, and nothing else is needed. With --service it is the one
at that URL, which `pims-authority serve --dev` (`make serve`) started; the other folder is where
that one keeps its certificate, the token of its account and its SMS.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from pathlib import Path
from typing import Any, Dict, List

import libpims
from person import Left, Person
from walk import Place, Walk

#: Like the status of a program that a signal ended: 128 and the signal's number.
INTERRUPTED = 130


def main(arguments: List[str]) -> int:
    """Returns 0 if the user got a password, 1 if not, 2 without a terminal or folder, and 130 after
    Ctrl-C."""
    place = read(arguments)
    person = Person()
    if not person.is_there():
        print("This program talks to a person: start it in a terminal.", file=sys.stderr)
        return 2
    try:
        place.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A log for support. The library promises that no detail holds a PIN, a code, a key or a
        # token.
        logging.basicConfig(filename=place.folder / "console.log", format="%(asctime)s %(message)s", level=logging.INFO)
    except OSError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        return 0 if Walk(person, place, configuration(place)).go() else 1
    except (KeyboardInterrupt, Left) as end:
        # Further signals are ignored: the rest takes no time.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        person.say()
        person.say("Stopped. Nothing is lost: start it again with the same folder, and it goes on from where this device stands.")
        return INTERRUPTED if isinstance(end, KeyboardInterrupt) else 1
    finally:
        # This also ends a call that still waits for the service.
        libpims.free()


def read(arguments: List[str]) -> Place:
    """Reads the command line."""
    description, _, epilog = (__doc__ or "").partition("console.py [--service URL --dev FOLDER] [FOLDER]")
    parser = argparse.ArgumentParser("console.py", description=description, epilog=epilog)
    parser.add_argument("--service", metavar="URL", help="the service; without it, the one inside the library")
    parser.add_argument("--dev", metavar="FOLDER", type=Path, help="what the service of `make serve` keeps: build/dev")
    parser.add_argument("folder", metavar="FOLDER", nargs="?", type=Path, default=Path("pims-console"))
    given = parser.parse_args(arguments)
    if (given.service is None) != (given.dev is None):
        parser.error("--service and --dev go together")
    return Place(given.folder, given.service, given.dev)


def configuration(place: Place) -> Dict[str, Any]:
    """Returns the configuration, see docs/configuration.md. Step 2 sets the access token."""
    if place.service is None:
        return {"storage": {"path": place.device}}
    return {
        "storage": {"path": place.device},
        "account": {"username": "demo"},
        "credential": {
            "clientId": "demo",
            "clientSecret": "demo",
            "macID": "0123456789abcdef0123456789abcdef",
            "inWeboURL": place.service,
            "caFile": place.certificate,
        },
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
