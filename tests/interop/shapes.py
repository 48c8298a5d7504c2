"""The shapes in which public clients send requests and keep their state: serials, proofs, the order
of their requests, and their files. A shape is a row of a table. All of them use the device of
inwebo.py. They were written from facts about these clients, and no code of them was used.
"""

from __future__ import annotations

import json
import os
import pathlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from exchange import evolve, kma, password, proof
from inwebo import Device, Refused, Service

# The number of times that a client asks again if the service answers with `J`.
MAX_ROUNDS = 5


@dataclass(frozen=True)
class Shape:
    """The shape of a client."""

    name: str
    # Returns the part of the serial before the alea.
    device_id: Callable[[], str]
    # True if R2 of a password is over the PIN. Else it is over an empty text.
    proves_pin: bool
    # The keys that R0 to R2 of an activation are over: `none`, `kma`, or `old`. With `old`, a
    # client that activates again uses the K0, the K1 and the id of its file.
    first_keys: str = "none"
    # The number of aleas, each after a `/_/`.
    aleas: int = 1
    # True if it makes a new K1 of a `dK1`.
    evolves: bool = True
    # True if it asks for the name of the customer before anything else.
    asks_customer: bool = False
    # True if its file has the alea. Without it, a client that restarts has another serial.
    keeps_alea: bool = True


def hex_id() -> str:
    return os.urandom(8).hex()


def start_of_uuid() -> str:
    return str(uuid.uuid4())[:16]


SHAPES = (
    Shape("Python, device id of 16 hex digits", hex_id, proves_pin=True),
    Shape("Python, device id of a UUID", start_of_uuid, proves_pin=True, asks_customer=True),
    Shape("TypeScript, JSON", start_of_uuid, proves_pin=False, first_keys="old", asks_customer=True),
    Shape("TypeScript, app settings", lambda: "Homey_Brand", proves_pin=False, first_keys="kma", evolves=False),
    Shape("the same, newer", lambda: "Homey_Brand", proves_pin=False, first_keys="kma", aleas=2, evolves=False),
    Shape("Kotlin", start_of_uuid, proves_pin=False),
    Shape("Dart", hex_id, proves_pin=True, first_keys="old", keeps_alea=False),
)


class Client(Device):
    """A client of one shape, which keeps its state in a file."""

    def __init__(self, service: Service, shape: Shape, path: pathlib.Path):
        super().__init__(service)
        self.shape = shape
        self.path = path
        self.serial = "/_/".join([shape.device_id(), *(os.urandom(16).hex() for _ in range(shape.aleas))])

    # ---- State -----------------------------------------------------------------------------------

    def save(self, pin: str) -> None:
        """Writes the file. As in these clients, K1 and the PIN are in clear in it."""
        device_id, *aleas = self.serial.split("/_/")
        state = {"deviceId": device_id, "iwid": self.id, "iwK0": self.k0, "iwK1": self.open_k1(pin)}
        state |= {"iwsecval": self.secret, "iwsecid": self.sid, "iwTsync": int(self.tsync), "Kfact": f"{self.factory:x}"}
        if self.shape.keeps_alea:
            state["aleas"] = aleas
        self.path.write_text(json.dumps({**state, "codepin": pin}))

    @classmethod
    def load(cls, service: Service, shape: Shape, path: pathlib.Path) -> Client:
        """Returns the client after a restart."""
        client, state = cls(service, shape, path), json.loads(path.read_text())
        aleas = state.get("aleas", client.serial.split("/_/")[1:])
        client.serial = "/_/".join([state["deviceId"], *aleas])
        client.id, client.tsync, client.sid = state["iwid"], str(state["iwTsync"]), state["iwsecid"]
        client.k0, client.secret, client.factory = state["iwK0"], state["iwsecval"], int(state["Kfact"], 16)
        client.hide_k1(state["iwK1"], state["codepin"])
        return client

    # ---- Operations ------------------------------------------------------------------------------

    def activate(self, code: str, pin: str, ticket: str = "") -> str:
        self.proofs_of_activation = self.proofs_before(pin)
        if self.shape.first_keys != "old":
            self.id, self.tsync = "", "0"
        mode = super().activate(code, pin, ticket)
        self.save(pin)
        return mode

    def first_proofs(self) -> dict[str, str]:
        return self.proofs_of_activation

    def proofs_before(self, pin: str) -> dict[str, str]:
        keys = {"none": ("", ""), "kma": (kma(pin, self.serial).hex(),) * 2, "old": (self.k0, "")}
        k0, k1 = keys[self.shape.first_keys]
        if self.shape.first_keys == "old" and self.k1:
            k1 = self.open_k1(pin)
        return {"R0": proof("", k0, self.serial), "R1": proof("", k0, k1), "R2": proof("", k0, "")}

    def otp(self, pin: str) -> str:
        for _ in range(MAX_ROUNDS):
            challenge = self.setup("otp", sid=self.sid)["challenge"]
            proofs = self.proofs(challenge, pin)
            if not self.shape.proves_pin:
                proofs["R2"] = proof(challenge, self.k0, "")
            answer = self.finalize("otp", keytype="0", sid=self.sid, **proofs)
            if "dK1" in answer and self.shape.evolves:
                self.hide_k1(evolve(self.open_k1(pin), answer["dK1"]), pin)
                self.evolutions += 1
            self.save(pin)
            if "J" not in answer:
                return password(self.open_k1(pin), answer["defi"], self.secret)
        raise Refused("the service asks again and again", answer)
