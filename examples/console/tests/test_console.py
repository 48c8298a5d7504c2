"""The program at a pseudo terminal: all steps, the errors, and the state after an interruption."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Iterator, Optional, Tuple

import pytest
from terminal import CONSOLE, DEADLINE, Terminal

PHONE_NUMBER = "+33612345678"
PIN = "80417"
OTHER_PIN = "5926"
WRONG_PIN = "73735"

NUMBER = "Your phone number, such as +33612345678:"
SEND = "type h if you have one already:"
CODE = "or just Enter: it is read from the file (it does not appear):"
CHOOSE = "Choose a PIN of 4 to 8 digits (it does not appear):"
REPEAT = "The same PIN again (it does not appear):"
ACCOUNT_PIN = "The PIN of your account (it does not appear):"
YOUR_PIN = "Your PIN, or just Enter if you forgot it (it does not appear):"
PASSWORD = "One-time password: "
GO_ON = "Go on? [Enter, or q to leave]:"


def to_the_code(person: Terminal) -> None:
    person.answers(NUMBER, PHONE_NUMBER)
    person.answers(SEND, "")
    person.answers(CODE, "")
    person.reads("Codes are sent to +33612345678.")
    person.answers(SEND, "")


def to_the_pin(person: Terminal) -> None:
    to_the_code(person)
    person.answers(CODE, "")
    person.reads("The code is accepted.")


def choose_pin(person: Terminal, pin: str = PIN) -> None:
    person.answers(CHOOSE, pin)
    person.answers(REPEAT, pin)


def enroll(person: Terminal) -> None:
    to_the_pin(person)
    choose_pin(person)
    person.reads("This device is set up.")


def make_password(person: Terminal, pin: str = PIN) -> None:
    person.answers(YOUR_PIN, pin)
    person.reads(PASSWORD)
    assert re.match(r"[0-9a-z]{1,8} ", person.reads("says that it is right."))
    assert person.ends() == 0


def sent(outbox: Path) -> "list[dict[str, str]]":
    return [json.loads(line) for line in outbox.read_text(encoding="utf-8").splitlines()]


def wrong_code(outbox: Path) -> str:
    code = sent(outbox)[-1]["code"]
    return code[:-1] + str((int(code[-1]) + 1) % 10)


@pytest.fixture
def enrolled(tmp_path: Path) -> Path:
    """Returns the folder of a device that is set up with the PIN."""
    folder = tmp_path / "enrolled"
    with Terminal(folder) as person:
        enroll(person)
        make_password(person)
    return folder


def test_an_empty_folder_becomes_a_device_that_makes_a_password_that_is_right(tmp_path: Path) -> None:
    with Terminal(tmp_path) as person:
        person.reads("no SMS is really sent")
        enroll(person)
        make_password(person)
        for number in range(1, 9):
            assert f"Step {number} of 8" in person.shown
        codes = [message["code"] for message in sent(tmp_path / "device/sms-outbox.jsonl")]
        assert len(codes) == 2
        # The program shows and keeps no typed secret, and no code that it read for the user.
        secrets = [PIN, *codes]
        assert not [secret for secret in secrets if secret in person.shown]
        for file in tmp_path.iterdir():
            assert file.is_dir() or not [secret for secret in secrets if secret in file.read_text(encoding="utf-8")]


def test_a_person_types_the_code_of_the_sms(tmp_path: Path) -> None:
    with Terminal(tmp_path) as person:
        to_the_code(person)
        person.reads(CODE)
        code = sent(tmp_path / "device/sms-outbox.jsonl")[-1]["code"]
        person.types(code)
        person.reads("The code is accepted.")
        assert code not in person.shown


def test_a_wrong_pin_is_asked_for_again_with_the_tries_that_are_left(enrolled: Path) -> None:
    with Terminal(enrolled) as person:
        person.answers(YOUR_PIN, WRONG_PIN)
        person.reads("This PIN is not right. Four tries are left. (error 2308)")
        person.answers(YOUR_PIN, "12")
        person.reads("A PIN has 4 to 8 digits. (error 2102)")
        make_password(person)
        assert WRONG_PIN not in person.shown
    assert "attemptsLeft" in (enrolled / "console.log").read_text(encoding="utf-8")


def test_two_pins_that_differ_are_not_taken(tmp_path: Path) -> None:
    with Terminal(tmp_path) as person:
        to_the_pin(person)
        person.answers(CHOOSE, PIN)
        person.answers(REPEAT, OTHER_PIN)
        person.reads("These two are not the same.")
        choose_pin(person)
        make_password(person)


def test_a_wrong_code_is_asked_for_again_and_a_tried_out_one_names_the_wait(tmp_path: Path) -> None:
    outbox = tmp_path / "device/sms-outbox.jsonl"
    with Terminal(tmp_path) as person:
        person.answers(NUMBER, "my number")
        person.answers(SEND, "")
        person.reads("This is not a phone number. (error 2102)")
        person.answers(NUMBER, PHONE_NUMBER)
        person.answers(SEND, "")
        person.reads(CODE)
        person.types(wrong_code(outbox))
        person.reads("This code is not right. Please look again. Four tries are left. (error 2305)")
        # The program asks for no number and sends no other SMS.
        person.answers(CODE, "")
        person.answers(SEND, "")
        for left in ("Four tries are", "Three tries are", "Two tries are", "One try is"):
            person.reads(CODE)
            person.types(wrong_code(outbox))
            person.reads(f"{left} left. (error 2305)")
        person.reads(CODE)
        person.types(wrong_code(outbox))
        person.reads("This code is no longer good. We can send you a new one. (error 2305)")
        person.answers(SEND, "")
        assert re.search(r"\d+ minutes?\. \(error 2204\)$", person.reads(" What to do: Start this program again then."))
        assert person.ends() == 1
        assert wrong_code(outbox) not in person.shown


def test_a_blocked_account_gets_a_new_pin_by_sms(enrolled: Path) -> None:
    with Terminal(enrolled) as person:
        for _ in range(5):
            person.answers(YOUR_PIN, WRONG_PIN)
        person.reads("Your PIN is blocked. Set a new one with a code by SMS. (error 2310)")
        person.reads(SEND)
        assert person.interrupts() == 130
    with Terminal(enrolled) as person:
        person.answers(YOUR_PIN, PIN)
        person.reads("(error 2317)")
        person.answers(SEND, "")
        person.answers(CODE, "")
        choose_pin(person, PIN)
        person.reads("Please choose another PIN than the old one. (error 2315)")
        person.answers(CODE, "")
        choose_pin(person, OTHER_PIN)
        person.reads("The new PIN counts")
        make_password(person, OTHER_PIN)


def test_a_forgotten_pin_is_set_anew(enrolled: Path) -> None:
    with Terminal(enrolled) as person:
        person.answers(YOUR_PIN, "")
        person.answers(SEND, "")
        person.answers(CODE, "")
        choose_pin(person, OTHER_PIN)
        make_password(person, OTHER_PIN)


def test_an_interruption_at_each_prompt_is_gone_on_from(tmp_path: Path) -> None:
    outbox = tmp_path / "device/sms-outbox.jsonl"

    def stops(person: Terminal, prompt: str) -> None:
        person.reads(prompt)
        assert person.interrupts() == 130
        person.reads("Stopped. Nothing is lost")
        assert "Traceback" not in person.shown

    with Terminal(tmp_path) as person:
        stops(person, NUMBER)
    with Terminal(tmp_path) as person:
        person.answers(NUMBER, PHONE_NUMBER)
        person.answers(SEND, "")
        stops(person, CODE)
    with Terminal(tmp_path) as person:
        # The SMS has arrived already.
        person.answers(NUMBER, PHONE_NUMBER)
        person.answers(SEND, "h")
        person.answers(CODE, "")
        person.answers(SEND, "")
        stops(person, CODE)
    assert [message["purpose"] for message in sent(outbox)] == ["phoneNumberCertification", "enrollment"]
    with Terminal(tmp_path) as person:
        person.reads("Codes are sent to")
        person.answers(SEND, "h")
        person.answers(CODE, "")
        person.answers(CHOOSE, PIN)
        stops(person, REPEAT)
    with Terminal(tmp_path) as person:
        person.reads("only the PIN is missing")
        choose_pin(person)
        stops(person, YOUR_PIN)
    with Terminal(tmp_path) as person:
        person.reads("Yes. What is left is a password.")
        make_password(person)
    assert len(sent(outbox)) == 2


def test_an_end_of_input_ends_it(tmp_path: Path) -> None:
    with Terminal(tmp_path) as person:
        person.reads(NUMBER)
        person.ends_input()
        assert person.ends() == 1
        assert "Stopped." in person.shown


def test_without_a_terminal_no_secret_is_read(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, str(CONSOLE), str(tmp_path)], input=PIN, capture_output=True, text=True, timeout=DEADLINE)
    assert (ended.returncode, ended.stdout) == (2, "") and "terminal" in ended.stderr
    assert not any(tmp_path.iterdir())


class Service:
    """`pims-authority serve --dev`. It can be stopped and started again at the same address."""

    def __init__(self, program: str, folder: Path) -> None:
        self.folder = folder
        self.address = ""
        self._program = program
        self._process: Optional["subprocess.Popen[str]"] = None

    def start(self) -> None:
        port = self.address.rpartition(":")[2] or "0"
        command = [self._program, "serve", "--dev", "--port", port, "--folder", str(self.folder)]
        process = self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        self.address = next(line.split()[1] for line in process.stdout if line.lstrip().startswith("service "))

    def stop(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(DEADLINE)
            self._process.stdout.close()
            self._process = None


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(os.environ["PIMS_AUTHORITY"], tmp_path / "service")
    service.start()
    yield service
    service.stop()


def make_password_for(person: Terminal, service: Service) -> Tuple[str, str]:
    person.answers(YOUR_PIN, PIN)
    person.reads(PASSWORD)
    password = person.reads(" It is right once").strip()
    assert person.ends() == 0
    return password, f"{service.address}/FS?action=authenticate&serviceId=demo&userId=demo&token={password}&format=json"


def test_a_service_over_https_and_a_lost_connection(tmp_path: Path, service: Service) -> None:
    arguments = ("--service", service.address, "--dev", service.folder, tmp_path / "device")
    with Terminal(*arguments) as person:
        person.reads("The access token of the account is handed over")
        to_the_code(person)
        person.reads(CODE)
        service.stop()
        person.types("")
        person.reads("There is no connection. Please check your network and try again. (error 2202)")
        service.start()
        person.answers(GO_ON, "")
        person.answers(CODE, "")
        person.reads(CHOOSE)
        service.stop()
        person.types(PIN)
        person.answers(REPEAT, PIN)
        person.reads("(error 2202)")
        person.reads("enter the same PIN")
        person.answers(GO_ON, "q")
        assert person.ends() == 1
    service.start()
    with Terminal(*arguments) as person:
        person.reads("only the PIN is missing")
        choose_pin(person)
        password, verification = make_password_for(person, service)
    assert re.fullmatch(r"[0-9a-z]{1,8}", password) and verification in person.shown
    certificate = str(service.folder / "certificate.pem")
    told = subprocess.run(["curl", "-sS", "--cacert", certificate, verification], capture_output=True, text=True, timeout=DEADLINE)
    assert json.loads(told.stdout)["err"] == "OK", (told.stdout, told.stderr)


def test_a_second_device_takes_the_pin_of_the_first_and_a_third_one_can_remove_them_all(tmp_path: Path, service: Service) -> None:
    def device(name: str) -> Terminal:
        return Terminal("--service", service.address, "--dev", service.folder, tmp_path / name)

    with device("first") as person:
        enroll(person)
        make_password_for(person, service)
    with device("second") as person:
        person.answers(SEND, "")
        person.answers(CODE, "")
        person.reads("Your account has a PIN already")
        person.answers(ACCOUNT_PIN, WRONG_PIN)
        person.reads("Four tries are left. (error 2308)")
        person.answers(ACCOUNT_PIN, PIN)
        person.reads("This device is set up.")
        for _ in range(5):
            person.answers(YOUR_PIN, WRONG_PIN)
        person.reads("(error 2310)")
        person.reads(SEND)
    with device("third") as person:
        person.answers(SEND, "")
        person.answers(CODE, "")
        person.reads("Your PIN is blocked. Set a new one on your other device, or start anew. (error 2310)")
        person.answers("Remove them all? [y/N]:", "y")
        person.answers("Really all of them? [y/N]:", "y")
        person.reads("Codes are sent to")
        person.answers(SEND, "")
        person.answers(CODE, "")
        choose_pin(person)
        make_password_for(person, service)
    with device("first") as person:
        person.answers(YOUR_PIN, PIN)
        person.reads("This device was removed from your account. Please set it up again. (error 2312)")
        person.reads(SEND)


def test_a_token_that_is_not_taken_can_be_renewed(tmp_path: Path, service: Service) -> None:
    token = service.folder / "demo.token"
    good = token.read_text(encoding="utf-8")
    token.write_text("worn-out", encoding="utf-8")
    with Terminal("--service", service.address, "--dev", service.folder, tmp_path / "device") as person:
        person.reads("Please sign in again. (error 2301)")
        token.write_text(good, encoding="utf-8")
        person.answers(GO_ON, "")
        person.answers(NUMBER, PHONE_NUMBER)
        person.reads(SEND)
        assert "worn-out" not in person.shown and good.strip() not in person.shown


def test_ctrl_c_does_not_wait_for_a_service_that_is_silent(tmp_path: Path) -> None:
    dev = tmp_path / "dev"
    dev.mkdir()
    (dev / "demo.token").write_text("token", encoding="utf-8")
    # The library does not check this certificate: it accepts http:// for this machine only.
    certificate = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(dev / "key.pem"), "-out",
         str(dev / "certificate.pem"), "-subj", "/CN=localhost", "-days", "1"],
        capture_output=True, timeout=DEADLINE,
    )  # fmt: skip
    assert certificate.returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(DEADLINE)
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Terminal("--service", address, "--dev", dev, tmp_path / "device") as person:
            connection, _ = silent.accept()
            with connection:
                assert connection.recv(1)
                assert person.interrupts() == 130
                # The interruption ended the call, not the timeout of the request.
                assert "2201" not in person.shown and "2202" not in person.shown
