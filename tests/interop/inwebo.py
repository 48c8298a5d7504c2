"""The device's side of the exchange, written from its specification and apart from the library in
this repository.

Its purpose is to disagree. If it understands the exchange differently from libpims or from
pims-authority, a test fails. It keeps everything in memory and is no client for use.
"""

from __future__ import annotations

import os
import ssl
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field

from exchange import decrypt_block, encrypt_block, encrypt_to, evolve, kma, password, proof, unseal

VERSION = "Generator-1.0/0.2.11"
MAC_ID = "0123456789abcdef0123456789abcdef"


class Refused(Exception):
    """An error word in the service's answer."""

    def __init__(self, word: str, answer: dict[str, str]):
        super().__init__(word)
        self.word = word
        self.answer = answer


@dataclass
class Exchanged:
    """A request and its answer, as they were sent."""

    query: str
    content_type: str
    text: str


@dataclass
class Service:
    """The connection to the service. It records each exchange, for tests of its form."""

    url: str
    ca_file: str | None = None
    exchanges: list[Exchanged] = field(default_factory=list)

    def ask(self, parameters: dict[str, str]) -> dict[str, str]:
        query = urllib.parse.urlencode(parameters)
        with self.open(f"/iwws/MAC?{query}") as response:
            self.exchanges.append(Exchanged(query, response.headers["Content-Type"], response.read().decode()))
        root = ElementTree.fromstring(self.exchanges[-1].text)
        assert root.tag == parameters["action"], root.tag
        answer = {child.tag: child.text or "" for child in root}
        if answer["err"] != "OK":
            raise Refused(answer["err"], answer)
        return answer

    def open(self, path: str, method: str = "GET", headers: dict[str, str] | None = None, body: bytes | None = None):
        context = ssl.create_default_context(cafile=self.ca_file) if self.url.startswith("https:") else None
        request = urllib.request.Request(self.url + path, method=method, headers=headers or {}, data=body)
        return urllib.request.urlopen(request, timeout=300, context=context)


class Device:
    """A device, enrolled or about to be."""

    def __init__(self, service: Service, name: str = "Interop / 1"):
        self.service = service
        self.name = name
        self.serial = f"{os.urandom(8).hex()}/_/{os.urandom(16).hex()}"
        self.id = ""
        self.tsync = "0"
        self.k0 = ""
        # K1 and the service secret in their stored form: under the PIN's key, in hex.
        self.k1 = ""
        self.secret = ""
        self.sid = ""
        self.factory = 0
        # The answers that made K1 evolve.
        self.evolutions = 0

    # ---- The operations --------------------------------------------------------------------------

    def activate(self, code: str, pin: str, ticket: str = "") -> str:
        """Enrolls. The PIN is the account's, or becomes the account's: the returned `pinmode` says
        which of the two. With a `ticket`, which came with the code, both steps show it."""
        ours = {"ticket": ticket} if ticket else {}
        setup = self.setup("activate", code=code, **ours)
        self.factory = int(setup["Kfact"], 16)
        own = {"serial": self.serial, "code": code, **self.encrypted(setup, pin, "Kma", "pin"), "name": self.name}
        answer = self.finalize("activate", **own, **ours, **self.first_proofs())
        self.id = answer["id"]
        self.receive(answer, pin)
        return setup["pinmode"]

    def otp(self, pin: str) -> str:
        """Returns a one-time password."""
        while True:
            challenge = self.setup("otp", sid=self.sid)["challenge"]
            answer = self.finalize("otp", keytype="0", sid=self.sid, **self.proofs(challenge, pin))
            if answer.get("dK1"):
                self.hide_k1(evolve(self.open_k1(pin), answer["dK1"]), pin)
                self.evolutions += 1
            # The service wants the operation once more: the second answer counts.
            if "J" not in answer:
                return password(self.open_k1(pin), answer["defi"], self.secret)

    def otp_without_pin(self) -> str:
        challenge = self.setup("otp", sid=self.sid)["challenge"]
        empty = proof(challenge, self.k0, "")
        proofs = {"R0": proof(challenge, self.k0, self.serial), "R1": empty, "R2": empty}
        answer = self.finalize("otp", keytype="2", sid=self.sid, **proofs)
        return password(self.k0, answer["defi"], self.secret)

    def synchronize(self, pin: str) -> None:
        """Fetches K0 and K1 under the account's present PIN."""
        challenge = self.setup("synchro")["challenge"]
        self.receive(self.finalize("synchro", **self.proofs(challenge, pin)), pin)

    def change_pin(self, old: str, new: str) -> None:
        """Changes the PIN, without the synchronization that must follow."""
        setup = self.setup("password")
        self.finalize("password", **self.encrypted(setup, new, "nKma", "newpin"), **self.proofs(setup["challenge"], old))

    def reset_pin(self, code: str, new: str) -> None:
        """Resets the PIN, without the synchronization that must follow."""
        setup = self.setup("reset", code=code)
        proved = {"R0": proof(setup["challenge"], self.k0, self.serial)}
        self.finalize("reset", code=code, **self.encrypted(setup, new, "nKma", "newpin"), **proved)

    def status(self) -> str:
        try:
            return self.setup("status")["err"]
        except Refused as refusal:
            return refusal.word

    def remove(self) -> None:
        challenge = self.setup("remove")["challenge"]
        self.finalize("remove", R0=proof(challenge, self.k0, self.serial))

    # ---- Requests --------------------------------------------------------------------------------

    def setup(self, mode: str, **own: str) -> dict[str, str]:
        return self.service.ask({**self.common("ActionSetup", mode), "macid": MAC_ID, **own})

    def finalize(self, mode: str, **own: str) -> dict[str, str]:
        common = self.common("ActionFinalize", mode)
        return self.service.ask({**common, "lang": "fr", "ack": "", "macid": MAC_ID, **own})

    def common(self, action: str, mode: str) -> dict[str, str]:
        return {"action": action, "mode": mode, "id": self.id, "lastsync": self.tsync, "version": VERSION}

    def encrypted(self, setup: dict[str, str], pin: str, kma_name: str, pin_name: str) -> dict[str, str]:
        """Returns the PIN and its key, encrypted to the device key of a setup answer."""
        if int(setup["Kfact"], 16) != self.factory:
            raise ValueError("another factory key")
        key = unseal(self.factory, setup["Kiw"])
        return {kma_name: encrypt_to(key, kma(pin, self.serial)), pin_name: encrypt_to(key, pin.encode())}

    def first_proofs(self) -> dict[str, str]:
        """Returns the proofs of a device that has no keys yet."""
        return {"R0": proof("", "", self.serial), "R1": proof("", "", ""), "R2": proof("", "", "")}

    def proofs(self, challenge: str, pin: str) -> dict[str, str]:
        last = {"R0": self.serial, "R1": self.open_k1(pin), "R2": pin}
        return {name: proof(challenge, self.k0, value) for name, value in last.items()}

    # ---- Keys ------------------------------------------------------------------------------------

    def receive(self, answer: dict[str, str], pin: str) -> None:
        """Takes the keys of `activate` or `synchro`, and sends a service secret if the service
        wants one."""
        self.tsync, self.sid = answer["Tsync"], answer["s_id"]
        self.k0 = decrypt_block(kma(pin, self.serial), bytes.fromhex(answer["K0"])).hex()
        self.k1 = answer["K1"]
        if answer["ms_n"] == "1":
            self.register(answer, pin)

    def register(self, answer: dict[str, str], pin: str) -> None:
        key, secret = unseal(self.factory, answer["ms_key"]), os.urandom(16)
        own = {"ms_id0": answer["ms_id"], "ms_val0": encrypt_to(key, secret), "macid": MAC_ID, "id": self.id}
        first = {"action": "ActionFinalize", "mode": "ms", **own, "lastsync": self.tsync, "ms_n": "1"}
        self.service.ask({**first, **self.proofs(answer["challenge"], pin)})
        self.secret = encrypt_block(kma(pin, self.serial), secret).hex()

    def open_k1(self, pin: str) -> str:
        return decrypt_block(kma(pin, self.serial), bytes.fromhex(self.k1)).hex()

    def hide_k1(self, k1: str, pin: str) -> None:
        self.k1 = encrypt_block(kma(pin, self.serial), bytes.fromhex(k1)).hex()
