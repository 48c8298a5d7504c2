"""The real service, run as its users run it for development: `pims-authority serve --dev`."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import tempfile
import urllib.parse

from inwebo import Service

BINARY = os.environ.get("PIMS_AUTHORITY", str(pathlib.Path(__file__).parents[2] / "target/debug/pims-authority"))
CVS = "/applications/cvs/v4/mobile"
ACCOUNTS = 24
# The tests come faster than devices do.
LIMITS = """
address_per_minute = 100000
account_per_minute = 100000
wrong_codes_per_address_and_minute = 100000
wrong_codes_per_minute = 100000
wrong_otps_per_account_and_minute = 100000
wrong_otps_per_address_and_minute = 100000
""".strip()


class Authority:
    """The service with an account for each test. It ends with `stop`."""

    def __init__(
        self, tls: bool = True, policy: str = "evolve_k1_every = 3\notp_without_pin = true", activation: str = "open", pin: str = ""
    ):
        self.folder = tempfile.TemporaryDirectory(prefix="pims-interop-")
        self.path = pathlib.Path(self.folder.name)
        self.policy = policy
        self.activation = activation
        self.pin = pin
        # The first start writes the configuration; the second one reads the changed configuration.
        self.start()
        self.stop_process()
        self.configure(tls)
        self.start()
        self.left = [f"account{number}" for number in range(ACCOUNTS)]

    def configure(self, tls: bool) -> None:
        path = self.path / "pims-authority.toml"
        text = path.read_text()
        if not tls:
            text, removed = re.subn(r"(?m)^(certificate_file|key_file) = .*\n", "", text)
            assert removed == 2, "the certificate and its key"
        tokens = "\n".join(f'account{number} = "{token(f"account{number}")}"' for number in range(ACCOUNTS))
        if "device_key_bits" in self.policy:
            text, removed = re.subn(r"(?m)^device_key_bits = 1024\n", "", text)
            assert removed == 1, "the size of the device keys"
        tables = (("tokens.static", tokens), ("policy", self.policy), ("limits", LIMITS), ("pin", self.pin))
        for table, keys in tables:
            assert text.count(f"[{table}]\n") == 1, table
            text = text.replace(f"[{table}]\n", f"[{table}]\n{keys}\n")
        assert text.count('proof = "open"\n') == 1, "what activations show"
        text = text.replace('proof = "open"\n', f'proof = "{self.activation}"\n')
        path.write_text(text)

    def start(self) -> None:
        command = [BINARY, "serve", "--dev", "--folder", str(self.path), "--port", "0"]
        with open(self.path / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        said = ""
        # The service prints a line when it listens, and closes its output when it ends.
        for line in self.process.stdout:
            said += line
            if line.startswith("It ends with Ctrl-C"):
                break
        found = re.search(r"^ +service +(\S+)$", said, re.MULTILINE)
        if found is None:
            log = (self.path / "log").read_text()
            self.stop()
            raise RuntimeError(f"the service did not start: {said}{log}")
        self.url = found[1]

    def stop_process(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=300)

    def restart(self) -> None:
        """Starts the service again as it was, perhaps on another port."""
        self.stop_process()
        self.start()

    def stop(self) -> None:
        self.stop_process()
        self.folder.cleanup()

    def service(self) -> Service:
        """Returns the service as one device sees it."""
        return Service(self.url, str(self.path / "certificate.pem"))

    def account(self) -> Account:
        """Returns an account that has a trusted phone number and nothing else."""
        account = Account(self, self.left.pop())
        number = "+33612345678"
        account.cvs("POST", "smsCode", {"type": "phoneNumberCertification", "phoneNumber": number})
        account.cvs("POST", "trustedPhoneNumber", {"smsCode": self.last_code(), "phoneNumber": number})
        return account

    def stranger(self) -> Account:
        """Returns an account that has nothing."""
        return Account(self, "demo")

    def last_code(self) -> str:
        # Notices have no code. The service sends them at any time.
        messages = map(json.loads, (self.path / "sms-outbox.jsonl").read_text().splitlines())
        return [message["code"] for message in messages if message["code"]][-1]


def token(account: str) -> str:
    return f"the-token-of-{account}"


class Account:
    """The host application and a relying party."""

    def __init__(self, authority: Authority, name: str):
        self.authority = authority
        self.name = name

    def cvs(self, method: str, resource: str, body: dict[str, str] | None = None) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {token(self.name)}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        path = f"{CVS}/{resource}?client_id=interop"
        with self.authority.service().open(path, method, headers, data) as response:
            return json.load(response)

    def customer(self) -> str:
        """Returns the name of the customer, as some clients ask for it first."""
        path = "/applications/cvs/v4/mauv/car-associations?client_id=interop&locale=fr-FR"
        with self.authority.service().open(path, "GET", {"Authorization": f"Bearer {token(self.name)}"}) as response:
            return json.load(response)[0]["customer"]

    def code_by_empty_body(self) -> str:
        """Returns an SMS code for an enrollment, asked for without a body."""
        headers = {"Authorization": f"Bearer {token(self.name)}", "Accept": "application/hal+json"}
        path = f"{CVS}/smsCode?client_id=interop&locale=fr-FR"
        self.authority.service().open(path, "POST", headers, b"").close()
        return self.authority.last_code()

    def code(self, purpose: str = "enrollment") -> str:
        """Returns an SMS code."""
        return self.code_with_ticket(purpose)[0]

    def code_with_ticket(self, purpose: str = "enrollment") -> tuple[str, str]:
        """Returns an SMS code, and the answer's ticket, if there is one."""
        answer = self.cvs("POST", "smsCode", {"type": purpose})
        return self.authority.last_code(), answer.get("ticket", "")

    def accepts(self, otp: str) -> bool:
        """Returns whether the service confirms the password to a relying party. That uses the
        password up."""
        asked = {"action": "authenticate", "serviceId": "demo", "userId": self.name, "token": otp, "format": "json"}
        with self.authority.service().open(f"/FS?{urllib.parse.urlencode(asked)}") as response:
            word = json.load(response)["err"]
        if word not in ("OK", "NOK:ACCESS"):
            raise AssertionError(word)
        return word == "OK"
