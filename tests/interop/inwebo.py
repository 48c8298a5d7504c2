"""The device's side of the exchange, written from docs/protocol.md and the specification of it, apart from the library in this repository.

It is there to disagree: where this and libpims understand the exchange differently, a test of tests/interop fails. It keeps everything in memory
and is no client for anybody's use.
"""

from __future__ import annotations

import hashlib
import os
import ssl
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

EXPONENT = 17
FACTORY_BYTES = 128
VERSION = "Generator-1.0/0.2.11"
DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789"


class Refused(Exception):
    """The service answered with an error word."""

    def __init__(self, word: str, answer: dict[str, str]):
        super().__init__(word)
        self.word = word
        self.answer = answer


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def aes(key: bytes):
    # One or two blocks of random bytes: that is what the exchange takes ECB for.
    return Cipher(algorithms.AES(key), modes.ECB())


def encrypt_block(key: bytes, value: bytes) -> bytes:
    encryptor = aes(key).encryptor()
    return encryptor.update(value) + encryptor.finalize()


def decrypt_block(key: bytes, value: bytes) -> bytes:
    decryptor = aes(key).decryptor()
    return decryptor.update(value) + decryptor.finalize()


def mask(seed: bytes, length: int) -> bytes:
    blocks = (length + 31) // 32
    return b"".join(hashlib.sha256(seed + count.to_bytes(4, "big")).digest() for count in range(blocks))[:length]


def xor(first: bytes, second: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(first, second, strict=True))


def unseal(modulus: int, sealed: bytes) -> bytes:
    """Opens what was padded by OAEP and raised to the private exponent: whoever knows the modulus can."""
    size = (modulus.bit_length() + 7) // 8
    assert sealed and len(sealed) % size == 0, "whole blocks"
    opened = b""
    for start in range(0, len(sealed), size):
        number = int.from_bytes(sealed[start : start + size], "big")
        block = pow(number, EXPONENT, modulus).to_bytes(size, "big")
        seed, data = block[1:33], block[33:]
        seed = xor(seed, mask(data, 32))
        data = xor(data, mask(seed, len(data)))
        assert block[0] == 0 and data[:32] == hashlib.sha256(b"").digest(), "OAEP"
        message = data[32:].lstrip(b"\0")
        assert message[:1] == b"\1", "OAEP"
        opened += message[1:]
    return opened


def encrypt_to(modulus: int, value: bytes) -> str:
    key = rsa.RSAPublicNumbers(EXPONENT, modulus).public_key()
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
    return key.encrypt(value, oaep).hex()


def password(k1: str, challenge: str, secret: str) -> str:
    digest = hashlib.sha256(f"{k1}:{challenge}:{secret}".encode()).digest()
    high = int.from_bytes(digest[:4], "big") & 0x0FFFFFFF
    low = int.from_bytes(digest[4:8], "big") & 1023
    number = high * 1024 + low
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text += DIGITS[digit]
        if number == 0:
            return text


@dataclass
class Service:
    """Where the requests go. The last answers are kept as they came, for tests of their form."""

    url: str
    macid: str = "0123456789abcdef0123456789abcdef"
    ca_file: str | None = None
    texts: list[str] = field(default_factory=list)

    def ask(self, action: str, mode: str, **parameters: str) -> dict[str, str]:
        query = urllib.parse.urlencode({"action": action, "mode": mode, "macid": self.macid, "version": VERSION, **parameters})
        context = ssl.create_default_context(cafile=self.ca_file) if self.url.startswith("https:") else None
        with urllib.request.urlopen(f"{self.url}/iwws/MAC?{query}", timeout=30, context=context) as response:
            text = response.read().decode()
        self.texts.append(text)
        root = ElementTree.fromstring(text)
        assert root.tag == action, root.tag
        answer = {child.tag: child.text or "" for child in root}
        if answer.get("err") != "OK":
            raise Refused(answer.get("err", ""), answer)
        return answer


class Device:
    """A device, enrolled or about to be."""

    def __init__(self, service: Service, name: str = "interop"):
        self.service = service
        self.name = name
        self.serial = f"{os.urandom(8).hex()}/_/{os.urandom(16).hex()}"
        self.id = ""
        self.tsync = "0"
        self.k0 = ""
        self.k1 = b""
        self.secret = ""
        self.sid = ""
        self.factory: int | None = None

    def kma(self, pin: str) -> bytes:
        return bytes.fromhex(sha256(f"{pin};{self.serial}")[:32])

    def proofs(self, challenge: str, pin: str, k1: str) -> dict[str, str]:
        return {
            "R0": sha256(f"{challenge};{self.k0};{self.serial}"),
            "R1": sha256(f"{challenge};{self.k0};{k1}"),
            "R2": sha256(f"{challenge};{self.k0};{pin}"),
        }

    def setup(self, mode: str, **parameters: str) -> dict[str, str]:
        return self.service.ask("ActionSetup", mode, id=self.id, lastsync=self.tsync, **parameters)

    def finalize(self, mode: str, **parameters: str) -> dict[str, str]:
        return self.service.ask("ActionFinalize", mode, id=self.id, lastsync=self.tsync, lang="en", ack="", **parameters)

    def device_key(self, answer: dict[str, str]) -> int:
        factory = int(answer["Kfact"], 16)
        assert self.factory in (None, factory), "another factory key"
        self.factory = factory
        return int.from_bytes(unseal(factory, bytes.fromhex(answer["Kiw"])), "big")

    def activate(self, code: str, pin: str) -> dict[str, str]:
        """Enrolls. The PIN is the account's, or becomes it."""
        setup = self.setup("activate", code=code)
        key, kma = self.device_key(setup), self.kma(pin)
        answer = self.finalize(
            "activate",
            code=code,
            serial=self.serial,
            name=self.name,
            Kma=encrypt_to(key, kma),
            pin=encrypt_to(key, pin.encode()),
            **self.proofs("", "", ""),
        )
        self.id, self.tsync = answer["id"], answer["Tsync"]
        self.take_keys(answer, kma)
        self.sid = answer.get("s_id", answer.get("s_id0", ""))
        if answer.get("ms_n") == "1":
            self.register(answer, pin)
        return setup

    def take_keys(self, answer: dict[str, str], kma: bytes) -> None:
        self.k0 = decrypt_block(kma, bytes.fromhex(answer["K0"])).hex()
        self.k1 = bytes.fromhex(answer["K1"])

    def register(self, answer: dict[str, str], pin: str) -> None:
        """Hands over a service secret, where the service asks for one."""
        assert self.factory is not None
        modulus = int.from_bytes(unseal(self.factory, bytes.fromhex(answer["ms_key"])), "big")
        secret, kma = os.urandom(16), self.kma(pin)
        self.finalize(
            "ms",
            ms_n="1",
            ms_id0=answer["ms_id"],
            ms_val0=encrypt_to(modulus, secret),
            **self.proofs(answer["challenge"], pin, self.k1_text(pin)),
        )
        self.secret = encrypt_block(kma, secret).hex()

    def k1_text(self, pin: str) -> str:
        return decrypt_block(self.kma(pin), self.k1).hex()

    def otp(self, pin: str) -> str:
        """A one-time password."""
        while True:
            challenge = self.setup("otp", sid=self.sid)["challenge"]
            k1 = self.k1_text(pin)
            answer = self.finalize("otp", sid=self.sid, keytype="0", **self.proofs(challenge, pin, k1))
            made = password(k1, answer["defi"], self.secret)
            if answer.get("dK1"):
                evolved = bytes.fromhex(sha256(f"{k1};{answer['dK1']}")[:32])
                self.k1 = encrypt_block(self.kma(pin), evolved)
            # The service wants it run once more: the second answer counts.
            if "J" not in answer:
                return made

    def status(self) -> str:
        try:
            return self.setup("status")["err"]
        except Refused as refusal:
            return refusal.word
