"""The eight steps, and the reactions to their failures. Each step returns the next one, so a
failure only chooses another step.

The program reads PINs and codes, passes each to one call, and drops it. No attribute, no file and
no printed text holds them.
"""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Set, TypeVar

import libpims
from advice import Next, Operation, advise
from person import Person

T = TypeVar("T")
_log = logging.getLogger("console")

# The purposes of SMS codes, by their names in the outbox.
ENROLLMENT = "enrollment"
CERTIFICATION = "phoneNumberCertification"
RESET = "resetPIN"


class Step(Enum):
    """The current step of the user. The number is that of docs/guide-enroll.md, the letter that of
    its second part."""

    START = "1 of 8: start"
    TOKEN = "2 of 8: sign in"
    LOOK = "3 of 8: is this device set up already?"
    PHONE_NUMBER = "4 of 8: your phone number"
    ASK_FOR_CODE = "5 of 8: a code by SMS"
    SHOW_CODE = "6 of 8: the code"
    FINISH = "7 of 8: your PIN"
    PASSWORD = "8 of 8: a one-time password"
    RESET = "B: a new PIN"
    REMOVE = "D: remove all devices"
    DEVICES = "E: remove one device"
    DONE = "the end"
    GIVE_UP = "the end, for now"


@dataclass(frozen=True)
class Place:
    """The files of the program, and its service."""

    folder: Path
    service: Optional[str]
    dev: Optional[Path]

    @property
    def device(self) -> Path:
        """The library's own folder."""
        return self.folder / "device"

    @property
    def outbox(self) -> Path:
        """The file that stands for the user's phone."""
        return (self.dev or self.device) / "sms-outbox.jsonl"

    @property
    def certificate(self) -> Path:
        """The certificate of the service of `make serve`."""
        return (self.dev or self.device) / "certificate.pem"

    @property
    def which_pin(self) -> Path:
        """The service's answer of step 6: has the account a PIN? It is no secret, and is needed
        after a restart."""
        return self.folder / "which-pin"


class Trouble(Exception):
    """An exception: a call failed."""

    def __init__(self, error: libpims.PimsError, operation: Operation) -> None:
        super().__init__(str(error))
        self.error = error
        self.operation = operation


class Walk:
    """One run of the program."""

    def __init__(self, person: Person, place: Place, configuration: Dict[str, Any]) -> None:
        self._person = person
        self._place = place
        self._configuration = configuration
        self._device = libpims.StrongAuthentication()
        # The number that is being added, and the purposes of the codes that were sent. So a user
        # who mistypes does not have to enter everything again.
        self._number: Optional[str] = None
        self._sent: Set[str] = set()
        self._steps: Dict[Step, Callable[[], Step]] = {
            Step.START: self._start,
            Step.TOKEN: self._token,
            Step.LOOK: self._look,
            Step.PHONE_NUMBER: self._phone_number,
            Step.ASK_FOR_CODE: self._ask_for_code,
            Step.SHOW_CODE: self._show_code,
            Step.FINISH: self._finish,
            Step.PASSWORD: self._password,
            Step.RESET: self._reset,
            Step.REMOVE: self._remove,
            Step.DEVICES: self._remove_device,
        }

    def go(self) -> bool:
        """Runs the steps. Returns true if the user got a password."""
        step = Step.START
        while step in self._steps:
            try:
                self._title(step)
                step = self._steps[step]()
            except Trouble as trouble:
                step = self._after(trouble, step)
        return step == Step.DONE

    # The steps, in their order.

    def _start(self) -> Step:
        if self._place.service is None:
            self._person.say(
                f"The service is the one inside the library: no SMS is really sent. It writes each one into the file {self._place.outbox}, "
                "which plays your phone; this program can read it for you."
            )
        else:
            self._person.say(
                f"The service is {self._place.service}, started for development: no SMS is really sent. It writes each one into the file "
                f"{self._place.outbox}, which plays your phone; this program can read it for you."
            )
        self._call(Operation.START, lambda: libpims.init(self._configuration))
        return Step.TOKEN

    def _token(self) -> Step:
        if self._place.dev is None:
            self._person.say("The service inside the library needs none: you are signed in.")
            return Step.LOOK
        token = self._place.dev / "demo.token"
        if not token.is_file():
            self._person.say(f"There is no file {token}. --dev is the folder of the service that runs; `make serve` says which one.")
            return Step.GIVE_UP
        self._call(Operation.TOKEN, lambda: self._device.set_access_token(lambda: token.read_text(encoding="utf-8").strip()))
        self._person.say(f"The access token of the account is handed over, from the file {token}.")
        return Step.LOOK

    def _look(self) -> Step:
        if self._call(Operation.IS_ACTIVATED, self._device.is_activated):
            self._person.say("Yes. What is left is a password.")
            return Step.PASSWORD
        if self._is_started():
            self._person.say("Not quite: your code was accepted before, and only the PIN is missing.")
            return Step.FINISH
        self._person.say("Not yet.")
        return Step.PHONE_NUMBER

    def _phone_number(self) -> Step:
        try:
            number = self._call(Operation.PHONE_NUMBER, self._device.trusted_phone_number)
        except Trouble as trouble:
            if trouble.error.code != libpims.Code.NO_PHONE_NUMBER:
                raise
            return self._add_phone_number()
        self._person.say(f"Codes are sent to {number}.")
        return Step.ASK_FOR_CODE

    def _add_phone_number(self) -> Step:
        self._person.say("Your account has no phone number yet. Codes are sent to it, so it is added first.")
        number = self._number = self._number or self._person.ask("Your phone number, such as +33612345678")
        self._have_sent(CERTIFICATION, Operation.CERTIFICATION_CODE, lambda: self._device.request_phone_number_code(number))
        code = self._code(CERTIFICATION)
        self._call(Operation.ADD_PHONE_NUMBER, lambda: self._device.add_phone_number(code, number))
        self._sent.discard(CERTIFICATION)
        return Step.PHONE_NUMBER

    def _ask_for_code(self) -> Step:
        self._person.say("An account may have five codes an hour.")
        self._sent.discard(ENROLLMENT)
        self._have_sent(ENROLLMENT, Operation.CODE, self._device.request_enrollment_code)
        return Step.SHOW_CODE

    def _show_code(self) -> Step:
        code = self._code(ENROLLMENT)
        status = self._call(Operation.SHOW_CODE, lambda: self._device.accept_enrollment_code(code))
        self._place.which_pin.write_text(status.value, encoding="utf-8")
        self._person.say("The code is accepted.")
        return Step.FINISH

    def _finish(self) -> Step:
        pin = self._pin_of_the_account()
        self._call(Operation.ENROLL, lambda: self._device.enroll(pin))
        self._place.which_pin.unlink(missing_ok=True)
        self._person.say("This device is set up.")
        return Step.PASSWORD

    def _password(self) -> Step:
        pin = self._person.secret("Your PIN, or just Enter if you forgot it")
        if not pin:
            return Step.RESET
        password = self._call(Operation.PASSWORD, lambda: self._device.otp(pin))
        self._person.say(f"One-time password: {password}")
        if self._place.service is None:
            verified = self._call(
                Operation.VERIFY, lambda: libpims.set("pims.authority.otp", {"action": "verify", "otp": password})["verified"]
            )
            right = "is right" if verified else "is not right"
            self._person.say(f"The service inside the library says that it {right}. A password is right once: this one is used.")
        else:
            self._person.say("It is right once, and for two minutes. Whoever you give it to asks the service:")
            print(
                f"curl --cacert {self._place.certificate} "
                f"'{self._place.service}/FS?action=authenticate&serviceId=demo&userId=demo&token={password}&format=json'"
            )
        return Step.DONE

    def _reset(self) -> Step:
        self._have_sent(RESET, Operation.RESET_CODE, self._device.request_reset_code)
        code = self._code(RESET)
        pin = self._new_pin()
        self._call(Operation.RESET_PIN, lambda: self._device.reset_pin(pin, code))
        self._sent.discard(RESET)
        self._person.say("The new PIN counts, on all your devices.")
        return Step.PASSWORD

    def _remove(self) -> Step:
        self._person.say("This ends every device of your account, and its PIN. Your phone number stays.")
        if not (self._person.agrees("Remove them all?") and self._person.agrees("Really all of them?")):
            return Step.GIVE_UP
        self._call(Operation.REMOVE, self._device.remove_enrollments)
        self._person.say("They are removed.")
        return Step.LOOK

    def _remove_device(self) -> Step:
        try:
            devices = self._call(Operation.DEVICES, self._device.devices)
        except Trouble as trouble:
            if trouble.error.code not in (libpims.Code.NOT_SUPPORTED, libpims.Code.INVALID_RETURN, libpims.Code.FORBIDDEN):
                raise
            self._person.say("This service cannot remove one device.")
            return Step.REMOVE
        for number, device in enumerate(devices, 1):
            used = "never used" if device.last_used is None else f"last used on {device.last_used:%Y-%m-%d}"
            self._person.say(f"{number}: {device.name}, since {device.since:%Y-%m-%d}, {used}")
        chosen = self._person.ask("The number of the device that is to go")
        if not (chosen.isdecimal() and 1 <= int(chosen) <= len(devices)):
            self._person.say("There is no such number.")
            return Step.DEVICES
        device = devices[int(chosen) - 1]
        if not self._person.agrees(f"Remove {device.name}?"):
            return Step.GIVE_UP
        self._call(Operation.REMOVE_DEVICE, lambda: self._device.remove_device(device.device_id))
        self._person.say("It is removed.")
        return Step.LOOK

    # The reactions to failures.

    def _after(self, trouble: Trouble, step: Step) -> Step:
        advice = advise(trouble.error, trouble.operation)
        self._person.say(f"{advice.sentence} (error {trouble.error.code})")
        if advice.next == Next.AGAIN and trouble.operation == Operation.ENROLL:
            # The first request may have arrived. If the PIN is the same, the library finds out.
            self._person.say("When you are asked again, enter the same PIN.")
        self._person.say(f"What to do: {advice.next.value}")
        if advice.next in (Next.AGAIN, Next.SIGN_IN, Next.LOOK):
            # The program repeats nothing without the user's consent.
            self._person.waits("Go on?")
        self._forget(trouble, advice.next)
        return self._where(advice.next, step)

    def _forget(self, trouble: Trouble, way: Next) -> None:
        """Discards the values that the error proved wrong."""
        if way == Next.NEW_CODE:
            self._sent.clear()
        if way == Next.ENTER_AGAIN and trouble.operation == Operation.CERTIFICATION_CODE:
            self._number = None
        if trouble.error.attempts_left is not None and trouble.operation == Operation.ENROLL:
            # The account has a PIN by now, even if it had none in step 6.
            self._place.which_pin.write_text(libpims.EnrollmentStatus.ALREADY_ENROLLED.value, encoding="utf-8")

    def _where(self, way: Next, step: Step) -> Step:
        ways = {
            Next.AGAIN: step,
            Next.ENTER_AGAIN: step,
            Next.NEW_CODE: Step.ASK_FOR_CODE if step in (Step.SHOW_CODE, Step.FINISH) else step,
            Next.PHONE_NUMBER: Step.PHONE_NUMBER,
            # Reads the token again, then goes on from the state of the device.
            Next.SIGN_IN: Step.TOKEN,
            Next.SET_UP: Step.ASK_FOR_CODE,
            Next.LOOK: Step.LOOK,
            Next.FINISH: Step.FINISH,
            Next.NEW_PIN: Step.RESET,
            Next.REMOVE: Step.REMOVE,
            Next.REMOVE_DEVICE: Step.DEVICES,
        }
        return ways.get(way, Step.GIVE_UP)

    # The common parts of the steps.

    def _title(self, step: Step) -> None:
        self._person.say()
        self._person.say(f"Step {step.value}")

    def _call(self, operation: Operation, work: Callable[[], T]) -> T:
        try:
            return interruptible(work)
        except libpims.PimsError as error:
            _log.info("%s: %s %s", operation.value, error, json.dumps(dict(error.info)))
            raise Trouble(error, operation) from None

    def _is_started(self) -> bool:
        """Returns true if a code was accepted, perhaps before a restart. If the device is not set
        up, the library sends nothing: 2317 gives the device's state."""
        try:
            self._call(Operation.PASSWORD_WITHOUT_PIN, self._device.otp_without_pin)
        except Trouble as trouble:
            if trouble.error.code != libpims.Code.FORBIDDEN or trouble.error.next_action == "removeEnrollments":
                raise
            return trouble.error.next_action is None
        return False

    def _have_sent(self, purpose: str, operation: Operation, request: Callable[[], None]) -> None:
        """Asks for a code if the user agrees. An account has few codes an hour, and after an
        interruption the user may have one."""
        if purpose in self._sent:
            return
        if self._person.ask("Press Enter, and a code is sent by SMS. Or type h if you have one already").lower() != "h":
            self._call(operation, request)
            self._person.say("It was sent.")
        self._sent.add(purpose)

    def _code(self, purpose: str) -> str:
        typed = self._person.secret("The code of the SMS, or just Enter: it is read from the file")
        return typed or newest_code(self._place.outbox, purpose)

    def _pin_of_the_account(self) -> str:
        which = self._place.which_pin.read_text(encoding="utf-8") if self._place.which_pin.exists() else ""
        if which == libpims.EnrollmentStatus.NOT_ENROLLED.value:
            return self._new_pin()
        if which == libpims.EnrollmentStatus.ALREADY_ENROLLED.value:
            self._person.say("Your account has a PIN already: that of your other device.")
        else:
            self._person.say("If your account has a PIN, from another device, enter that one. If it has none, choose one.")
        return self._person.secret("The PIN of your account")

    def _new_pin(self) -> str:
        while True:
            pin = self._person.secret("Choose a PIN of 4 to 8 digits")
            if self._person.secret("The same PIN again") == pin:
                return pin
            self._person.say("These two are not the same. Please start over.")


def newest_code(outbox: Path, purpose: str) -> str:
    """Returns the code that the user would read from the last SMS for this purpose. Returns an
    empty text if there is none; the library then refuses it."""
    lines = outbox.read_text(encoding="utf-8").splitlines() if outbox.exists() else []
    codes = [message["code"] for message in map(json.loads, lines) if message["purpose"] == purpose]
    return str(codes[-1]) if codes else ""


def interruptible(work: Callable[[], T]) -> T:
    """Runs a call on a thread of its own, so that Ctrl-C does not have to wait for the service.
    ``libpims.free`` then ends the call."""
    results: List[T] = []
    errors: List[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)
        finally:
            done.set()

    done = threading.Event()
    threading.Thread(target=run, daemon=True).start()
    done.wait()
    if errors:
        raise errors[0]
    return results[0]
