"""The service's side of the exchange, written from its specification and apart from pims-authority:
a small server for libpims.

It keeps everything in memory, gives SMS codes to the test, and reports at once each fault of a
request. It is no service for use.
"""

from __future__ import annotations

import functools
import json
import os
import re
import secrets
import ssl
import threading
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from exchange import Key, encrypt_block, evolve, kma, password, proof

VERSION = "Generator-1.0/0.2.11"
MAC_ID = "fedcba9876543210fedcba9876543210"
CLIENT_ID = "interop"
SERVICE_ID = "8123"
SECRET_ID = "77"
CVS = "/applications/cvs/v4/mobile/"
MAX_PIN_TRIES = 3
EVOLVES_EVERY = 3


class Refusal(Exception):
    """An error word for the client."""

    def __init__(self, word: str, status: int = 200, **more: int):
        super().__init__(word)
        self.word = word
        self.status = status
        self.more = more


class Malformed(Exception):
    """A breach of the exchange by the client."""


@dataclass
class Account:
    token: str
    phone: str = ""
    pin: str = ""
    wrong_pins: int = 0
    blocked: bool = False
    # By purpose: the code, and the number that it certifies.
    codes: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass
class Device:
    id: str
    account: Account
    serial: str
    k0: str = field(default_factory=lambda: os.urandom(16).hex())
    k1: str = field(default_factory=lambda: os.urandom(16).hex())
    tsync: int = 0
    # The service secret, which the device chose.
    secret: bytes = b""
    challenges: dict[str, str] = field(default_factory=dict)
    granted: int = 0


@dataclass(frozen=True)
class Rules:
    """The behaviour of the service. K1 evolves with every third answer to `otp`; then the device
    asks `again`, or the answer counts itself. A synchronization wants `fresh_secrets`, or leaves
    everything as it was. `noise` makes answers as irregular as the exchange allows."""

    bits: int = 2048
    again: bool = True
    fresh_secrets: bool = True
    noise: bool = False


@functools.cache
def keys_of(bits: int) -> tuple[Key, Key, Key]:
    """Returns the factory key, the device key and the key for secrets. They take a while to make,
    so all servers of one size share them."""
    return Key(1024), Key(bits), Key(bits)


class State:
    """Accounts, devices, and the operations on them. One request runs at a time."""

    def __init__(self, rules: Rules):
        self.rules = rules
        self.factory, self.device_key, self.secret_key = keys_of(rules.bits)
        self.accounts: dict[str, Account] = {}
        self.devices: dict[str, Device] = {}
        # The account's token and the password that the service expects from a relying party, by the
        # service's own computation.
        self.passwords: set[tuple[str, str]] = set()
        # The requests and their answers, and every breach of the exchange.
        self.requests: list[str] = []
        self.breaches: list[str] = []
        self.lock = threading.Lock()

    def account(self) -> Account:
        account = Account(token=secrets.token_urlsafe(16))
        self.accounts[account.token] = account
        return account

    def accepts(self, account: Account, otp: str) -> bool:
        """Returns whether the service expects this password. A password is accepted once."""
        with self.lock:
            expected = (account.token, otp) in self.passwords
            self.passwords.discard((account.token, otp))
            return expected

    # ---- MAC: setup ------------------------------------------------------------------------------

    def mac(self, action: str, mode: str, asked: dict[str, str]) -> list[tuple[str, str]]:
        step = getattr(self, f"{'setup' if action == 'ActionSetup' else 'finalize'}_{mode}", None)
        if step is None:
            raise Malformed(f"{action} {mode}: there is no such step")
        own = step(asked)
        if asked:
            raise Malformed(f"{action} {mode}: it has no {', '.join(asked)}")
        return own

    def setup_activate(self, asked: dict[str, str]) -> list[tuple[str, str]]:
        if take(asked, "id") != "":
            raise Malformed("activate: the device has no id yet")
        account = self.account_of_code(take(asked, "code"), asked.pop("phone", ""))
        return [*self.keys(), ("pinmode", "1" if account.pin else "2")]

    def setup_otp(self, asked: dict[str, str]) -> list[tuple[str, str]]:
        device = self.unblocked(asked)
        if take(asked, "sid") != SERVICE_ID:
            raise Refusal("NOK:NOSRV")
        return [challenge(device, "otp")]

    def setup_synchro(self, asked: dict[str, str]) -> list[tuple[str, str]]:
        return [challenge(self.unblocked(asked), "synchro"), ("pinmode", "1")]

    def setup_password(self, asked: dict[str, str]) -> list[tuple[str, str]]:
        return [challenge(self.unblocked(asked), "password"), *self.keys(), ("pinmode", "1")]

    def setup_reset(self, asked: dict[str, str]) -> list[tuple[str, str]]:
        device = self.find(asked)
        check_code(device.account, "resetPIN", take(asked, "code"))
        return [challenge(device, "reset"), *self.keys(), ("pinmode", "2")]

    def setup_status(self, asked: dict[str, str]) -> list[tuple[str, str]]:
        self.unblocked(asked)
        return []

    def setup_remove(self, asked: dict[str, str]) -> list[tuple[str, str]]:
        return [challenge(self.find(asked), "remove")]

    # ---- MAC: finalize ---------------------------------------------------------------------------

    def finalize_activate(self, asked: dict[str, str]) -> list[tuple[str, str]]:
        serial, code, phone = take(asked, "serial"), take(asked, "code"), asked.pop("phone", "")
        if not re.fullmatch("[0-9a-f]{16}/_/[0-9a-f]{32}", serial) or take(asked, "id") != "" or not take(asked, "name"):
            raise Malformed("activate: serial, id or name")
        account = self.account_of_code(code, phone)
        pin = self.open_pin(asked, serial, "Kma", "pin")
        if [take(asked, name) for name in ("R0", "R1", "R2")] != [proof("", "", last) for last in (serial, "", "")]:
            raise Malformed("activate: the proofs of a device without keys")
        if account.pin:
            verify_pin(account, pin == account.pin)
        account.pin = pin
        if phone:
            account.phone = phone
        account.codes.pop("phoneNumberCertification" if phone else "enrollment")
        device = Device(secrets.token_hex(8), account, serial)
        self.devices[device.id] = device
        return [("id", device.id), *self.delivery(device, secret_wanted=True)]

    def finalize_ms(self, asked: dict[str, str]) -> list[tuple[str, str]]:
        device = self.unblocked(asked)
        self.verify(asked, device, "ms")
        if (take(asked, "ms_n"), take(asked, "ms_id0")) != ("1", SECRET_ID):
            raise Malformed("ms: one secret, the one that was wanted")
        device.secret = self.secret_key.decrypt(take(asked, "ms_val0"))
        if len(device.secret) != 16:
            raise Malformed("ms: a secret has 16 bytes")
        return []

    def finalize_otp(self, asked: dict[str, str]) -> list[tuple[str, str]]:
        device = self.unblocked(asked)
        if take(asked, "sid") != SERVICE_ID:
            raise Refusal("NOK:NOSRV")
        without_pin = {"0": False, "2": True}[take(asked, "keytype")]
        if without_pin:
            asked_for = self.challenge_of(device, "otp")
            empty = proof(asked_for, device.k0, "")
            proofs = [take(asked, name) for name in ("R0", "R1", "R2")]
            if proofs != [proof(asked_for, device.k0, device.serial), empty, empty]:
                raise Refusal("NOK:ACCESS")
            return [self.grant(device, device.k0)]
        self.verify(asked, device, "otp")
        device.granted += 1
        if device.granted % EVOLVES_EVERY != 0:
            return [self.grant(device, device.k1)]
        dk1 = os.urandom(16).hex()
        device.k1 = evolve(device.k1, dk1)
        if self.rules.again:
            return [("defi", "31337"), ("J", "1"), ("dK1", dk1)]
        # A public client was seen to take the new K1 for the password of this very answer.
        return [self.grant(device, device.k1), ("dK1", dk1)]

    def finalize_synchro(self, asked: dict[str, str]) -> list[tuple[str, str]]:
        device = self.unblocked(asked)
        # This operation repairs a K1 that is hidden under an old PIN.
        self.verify(asked, device, "synchro", stale_k1=True)
        device.tsync += 1
        if self.rules.fresh_secrets:
            device.k1 = os.urandom(16).hex()
        return self.delivery(device, self.rules.fresh_secrets)

    def finalize_password(self, asked: dict[str, str]) -> list[tuple[str, str]]:
        device = self.unblocked(asked)
        new = self.open_pin(asked, device.serial, "nKma", "newpin")
        self.verify(asked, device, "password")
        if new == device.account.pin:
            raise Refusal("NOK:PINREUSED")
        device.account.pin = new
        return []

    def finalize_reset(self, asked: dict[str, str]) -> list[tuple[str, str]]:
        device = self.find(asked)
        account, code = device.account, take(asked, "code")
        new = self.open_pin(asked, device.serial, "nKma", "newpin")
        verify_device(asked, device, self.challenge_of(device, "reset"))
        check_code(account, "resetPIN", code)
        account.codes.pop("resetPIN")
        account.pin, account.blocked, account.wrong_pins = new, False, 0
        return []

    def finalize_remove(self, asked: dict[str, str]) -> list[tuple[str, str]]:
        device = self.find(asked)
        verify_device(asked, device, self.challenge_of(device, "remove"))
        del self.devices[device.id]
        return []

    # ---- The common parts of the steps -----------------------------------------------------------

    def find(self, asked: dict[str, str]) -> Device:
        device = self.devices.get(take(asked, "id"))
        if device is None:
            raise Refusal("NOK:NODEVICE")
        return device

    def unblocked(self, asked: dict[str, str]) -> Device:
        device = self.find(asked)
        if device.account.blocked:
            raise Refusal("NOK_BLOCKED")
        return device

    def account_of_code(self, code: str, phone: str) -> Account:
        purpose = "phoneNumberCertification" if phone else "enrollment"
        for account in self.accounts.values():
            if account.codes.get(purpose, ("", ""))[0] == code:
                check_code(account, purpose, code, phone)
                return account
        raise Refusal("NOK:CODE")

    def keys(self) -> list[tuple[str, str]]:
        return [("Kiw", self.factory.seal(self.device_key.modulus)), ("Kfact", f"{self.factory.modulus:x}")]

    def open_pin(self, asked: dict[str, str], serial: str, kma_name: str, pin_name: str) -> str:
        pin = self.device_key.decrypt(take(asked, pin_name)).decode()
        if not re.fullmatch("[0-9]{4,8}", pin):
            raise Refusal("NOK:PINREFUSED")
        if self.device_key.decrypt(take(asked, kma_name)) != kma(pin, serial):
            raise Malformed("the kma is not the one of this PIN and this serial")
        return pin

    def challenge_of(self, device: Device, mode: str) -> str:
        """Takes a challenge, which is valid once."""
        if mode not in device.challenges:
            raise Refusal("NOK:STATE")
        return device.challenges.pop(mode)

    def verify(self, asked: dict[str, str], device: Device, mode: str, stale_k1: bool = False) -> None:
        asked_for = self.challenge_of(device, mode)
        verify_device(asked, device, asked_for)
        pin = device.account.pin
        verify_pin(device.account, take(asked, "R2") == proof(asked_for, device.k0, pin))
        if take(asked, "R1") != proof(asked_for, device.k0, device.k1) and not stale_k1:
            raise Refusal("NOK:DESYNCHRONIZED")

    def delivery(self, device: Device, secret_wanted: bool) -> list[tuple[str, str]]:
        key = kma(device.account.pin, device.serial)
        keys = [(name, encrypt_block(key, bytes.fromhex(value)).hex()) for name, value in (("K0", device.k0), ("K1", device.k1))]
        services = [("Tsync", str(device.tsync)), ("s_n", "1"), ("s_id", SERVICE_ID), ("s_name", "Ours & <theirs>")]
        if not secret_wanted:
            return [*keys, *services, ("ms_n", "0")]
        wanted = [("ms_n", "1"), ("ms_id", SECRET_ID), ("ms_key", self.factory.seal(self.secret_key.modulus))]
        return [*keys, *services, *wanted, challenge(device, "ms")]

    def grant(self, device: Device, key: str) -> tuple[str, str]:
        defi = str(secrets.randbelow(10**9))
        kept = encrypt_block(kma(device.account.pin, device.serial), device.secret).hex()
        self.passwords.add((device.account.token, password(key, defi, kept)))
        return ("defi", defi)

    # ---- CVS -------------------------------------------------------------------------------------

    def cvs(self, method: str, resource: str, account: Account, body: dict[str, str]) -> dict[str, str]:
        if (method, resource) == ("POST", "smsCode"):
            return self.send_code(account, body.get("type", "enrollment"), body.get("phoneNumber", ""))
        if (method, resource) == ("GET", "trustedPhoneNumber"):
            return {"phoneNumber": number_of(account)}
        if resource == "trustedPhoneNumber" and method in ("POST", "PUT"):
            if method == "POST" and account.phone:
                raise Refusal("NOK:PHONEREGISTERED", 409)
            number = body["phoneNumber"]
            check_code(account, "phoneNumberCertification", body["smsCode"], number, status=403)
            account.codes.pop("phoneNumberCertification")
            account.phone = number
            return {}
        if (method, resource) == ("DELETE", "enrollments"):
            self.devices = {id: device for id, device in self.devices.items() if device.account is not account}
            account.pin, account.blocked, account.wrong_pins = "", False, 0
            return {}
        raise Malformed(f"{method} {resource}: there is no such request")

    def send_code(self, account: Account, purpose: str, number: str) -> dict[str, str]:
        if (purpose == "phoneNumberCertification") != bool(number):
            raise Malformed("smsCode: a number belongs to a certification")
        number = number or number_of(account)
        if not re.fullmatch(r"\+?[0-9]{6,15}", number):
            raise Refusal("NOK:PHONE", 422)
        account.codes[purpose] = (f"{secrets.randbelow(10**8):08}", number)
        return {}


def take(asked: dict[str, str], name: str) -> str:
    if name not in asked:
        raise Malformed(f"{name} is missing")
    return asked.pop(name)


def challenge(device: Device, mode: str) -> tuple[str, str]:
    device.challenges[mode] = secrets.token_hex(16)
    return ("challenge", device.challenges[mode])


def check_code(account: Account, purpose: str, code: str, number: str = "", status: int = 200) -> None:
    expected, sent_to = account.codes.get(purpose, ("", ""))
    if not code or code != expected or number not in ("", sent_to):
        raise Refusal("NOK:CODE", status, attemptsLeft=4)


def number_of(account: Account) -> str:
    if not account.phone:
        raise Refusal("NOK:NOPHONE", 404)
    return account.phone


def verify_device(asked: dict[str, str], device: Device, asked_for: str) -> None:
    if take(asked, "R0") != proof(asked_for, device.k0, device.serial):
        raise Refusal("NOK:ACCESS")


def verify_pin(account: Account, right: bool) -> None:
    account.wrong_pins = 0 if right else account.wrong_pins + 1
    if account.wrong_pins >= MAX_PIN_TRIES:
        account.blocked = True
        raise Refusal("NOK_BLOCKED")
    if not right:
        raise Refusal("NOK:ACCESS", attemptsLeft=MAX_PIN_TRIES - account.wrong_pins)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two writes. The second one must not wait for an acknowledgement of the
    # first.
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        self.respond()

    do_POST = do_PUT = do_DELETE = do_GET

    def respond(self) -> None:
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.server.state.lock:
            try:
                status, kind, text = self.answer(path, query, body)
            except (Malformed, KeyError, ValueError) as breach:
                self.server.state.breaches.append(f"{self.command} {path}: {breach!r}")
                status, kind, text = 400, "text/plain", "see the server's breaches"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def answer(self, path: str, query: str, body: bytes) -> tuple[int, str, str]:
        pairs = urllib.parse.parse_qsl(query, keep_blank_values=True, strict_parsing=True)
        asked = dict(pairs)
        if len(asked) != len(pairs):
            raise Malformed("a parameter is there twice")
        if path == "/iwws/MAC" and self.command == "GET" and not body:
            return self.mac(asked)
        if path.startswith(CVS):
            return self.cvs(path[len(CVS) :], asked, body)
        raise Malformed("there is no such path")

    def mac(self, asked: dict[str, str]) -> tuple[int, str, str]:
        action, mode = take(asked, "action"), take(asked, "mode")
        self.server.state.requests.append(f"{action} {mode}")
        common = {"macid": MAC_ID}
        if action == "ActionFinalize" and mode != "ms":
            common.update(lang="fr", ack="")
        if mode != "ms":
            common.update(version=VERSION)
        for name, expected in common.items():
            if take(asked, name) != expected:
                raise Malformed(f"{name} is another one")
        device = self.server.state.devices.get(asked.get("id", ""))
        lastsync = take(asked, "lastsync")
        if device is not None and lastsync != str(device.tsync):
            raise Malformed("lastsync is not the last Tsync")
        try:
            children = [("err", "OK"), *self.server.state.mac(action, mode, asked)]
        except Refusal as refusal:
            children = [("err", refusal.word), *((name, str(value)) for name, value in refusal.more.items())]
        return 200, "text/xml", xml(action, children, self.server.state.rules.noise)

    def cvs(self, resource: str, asked: dict[str, str], body: bytes) -> tuple[int, str, str]:
        if asked != {"client_id": CLIENT_ID}:
            raise Malformed("client_id alone")
        state = self.server.state
        state.requests.append(f"{self.command} {resource}")
        account = state.accounts.get(self.headers.get("Authorization", "").removeprefix("Bearer "))
        if account is None:
            return 401, "application/json", json.dumps({"err": "NOK:TOKEN"})
        try:
            said, status = state.cvs(self.command, resource, account, json.loads(body) if body else {}), 200
        except Refusal as refusal:
            said, status = {"err": refusal.word, **refusal.more}, refusal.status
        return status, "application/json", json.dumps(said)

    def log_message(self, *_: object) -> None:
        """Logs nothing: queries hold secrets."""


def xml(action: str, children: list[tuple[str, str]], noise: bool) -> str:
    escaped = [(name, value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")) for name, value in children]
    texts = [f"<{name}>{value}</{name}>" for name, value in escaped]
    declaration = '<?xml version="1.0" encoding="UTF-8"?>'
    if not noise:
        return f"{declaration}<{action}>{''.join(texts)}</{action}>"
    names = {name for name, _ in children}
    empty = [
        f"<{name}/>" if number % 2 else f"<{name}></{name}>"
        for number, name in enumerate(("J", "dK1", "ms_n", "pinmode"))
        if name not in names
    ]
    unknown = [
        "<newversion>9.9</newversion>",
        "<newversionurl>https://example.com/?a&amp;b</newversionurl>",
        "<future><inner>1</inner></future>",
    ]
    # Repeated: the first one counts.
    again = [f"<{name}>0</{name}>" for name, _ in children]
    return f"{declaration}\n<!-- -->\n<{action}>\n  " + "\n  ".join([*unknown, *texts, *empty, *again]) + f"\n</{action}>\n"


class Server(ThreadingHTTPServer):
    """The service on a loopback port. It ends with `stop`."""

    daemon_threads = True

    def __init__(self, rules: Rules, certificate: str | None = None):
        """Starts the service. If `certificate` names a PEM file with a certificate and its key, the
        service uses HTTPS."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.state = State(rules)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # The connection's own thread makes the handshake.
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"{'http' if certificate is None else 'https'}://localhost:{self.server_port}"
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def stop(self) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()
