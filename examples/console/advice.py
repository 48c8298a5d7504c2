"""The meaning of an error for the user: a sentence, and the next step. The sentences are those of
docs/guide-errors.md; a test compares them.

This module has no input, no output and no library call: it converts an error to an advice.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Callable, Dict

import libpims


class Operation(Enum):
    """The operations of the library that this program uses, by the names of docs/error-table.md.
    The last five have names of this project."""

    IS_ACTIVATED = "get account isDeviceActivated"
    PASSWORD = "get otp withPIN"
    PASSWORD_WITHOUT_PIN = "get otp withoutPIN"
    CODE = "get smscode enrollment"
    CERTIFICATION_CODE = "get smscode phoneNumberCertification"
    RESET_CODE = "get smscode resetPIN"
    PHONE_NUMBER = "get trustedphonenumber"
    ENROLL = "set enrollment enroll"
    REMOVE = "set enrollment remove"
    RESET_PIN = "set pincode reset"
    ADD_PHONE_NUMBER = "set smscode addPhoneNumber"
    SHOW_CODE = "set smscode enrollment"
    START = "init"
    TOKEN = "set token cvs"
    VERIFY = "set authority.otp verify"
    DEVICES = "get devices"
    REMOVE_DEVICE = "set devices remove"

    @property
    def enrolls(self) -> bool:
        """True if the operation is part of an enrollment."""
        return self in (Operation.SHOW_CODE, Operation.ENROLL)

    @property
    def changes(self) -> bool:
        """True if the operation makes a change. Then 2316 means that the change is done."""
        return self.value.startswith("set ")


class Next(Enum):
    """The next step of the program after an error, as a sentence for the user."""

    AGAIN = "Try again. Nothing is lost meanwhile."
    ENTER_AGAIN = "Please enter it again."
    NEW_CODE = "Ask for a new code."
    PHONE_NUMBER = "Go on with your phone number."
    SET_UP = "Set up this device with a code by SMS."
    LOOK = "Go on from where this device stands."
    FINISH = "Finish with your PIN."
    NEW_PIN = "Set a new PIN with a code by SMS."
    REMOVE = "Remove all devices of your account, then set up this one."
    REMOVE_DEVICE = "Choose the device of your account that is to go. The code of your SMS stays good."
    SIGN_IN = "Get a fresh access token into its file. It is handed over again."
    LATER = "Start this program again then. It goes on from where this device stands."
    STORAGE = "See that nothing else uses the folder, and that it was made with the same service. Then start this program again."
    UPDATE = "Get the new version of this program, then start it again with the same folder."
    STOP = "This program can do nothing more. The file console.log in its folder says what happened, for those who help you."


@dataclass(frozen=True)
class Advice:
    """A sentence for the user, and the next step."""

    sentence: str
    next: Next


def advise(error: libpims.PimsError, during: Operation) -> Advice:
    """Returns the advice for an error."""
    advice = _BY_CODE.get(error.code, _UNKNOWN)
    return advice if isinstance(advice, Advice) else advice(error, during)


def is_known(code: int) -> bool:
    """Returns true if the code has an advice of its own."""
    return code in _BY_CODE


_DEFECT = Advice("Something went wrong. Please start the app again.", Next.STOP)
_UNKNOWN = Advice("Something went wrong. Please try again. If it happens again, tell us.", Next.LOOK)
_NOT_OUR_SERVICE = "We could not make sure that this is our service. Please try again on another network."
_CONTACT_US = Advice("Your account cannot do this. Please contact us.", Next.STOP)


def _form(error: libpims.PimsError, _during: Operation) -> Advice:
    if "word" in error.info and "deviceId" not in error.label:
        return Advice("Please choose a longer PIN.", Next.ENTER_AGAIN)
    for parameter, sentence in (
        ("PIN", "A PIN has 4 to 8 digits."),
        ("pinCode", "A PIN has 4 to 8 digits."),
        ("phoneNumber", "This is not a phone number."),
        ("smsCode", "Enter the code as it stands in the SMS."),
        ("deviceId", "This device is gone already."),
    ):
        if parameter in error.label:
            return Advice(sentence, Next.ENTER_AGAIN)
    return _DEFECT


def _server(error: libpims.PimsError, _during: Operation) -> Advice:
    if error.retry_after_seconds is None:
        return Advice("Our service has a problem. Please try again later.", Next.LATER)
    return Advice(f"You asked for many codes. You can get the next one in {_minutes(error.retry_after_seconds)}.", Next.LATER)


def _code(error: libpims.PimsError, _during: Operation) -> Advice:
    if not error.attempts_left:
        return Advice("This code is no longer good. We can send you a new one.", Next.NEW_CODE)
    return Advice(f"This code is not right. Please look again. {_tries(error.attempts_left)}", Next.ENTER_AGAIN)


def _refused(error: libpims.PimsError, _during: Operation) -> Advice:
    if error.attempts_left:
        return Advice(f"This PIN is not right. {_tries(error.attempts_left)}", Next.ENTER_AGAIN)
    if error.next_action == "retryPin":
        return Advice("This device is not recognised.", Next.SET_UP)
    if not error.info:
        return Advice(_NOT_OUR_SERVICE, Next.STOP)
    return _CONTACT_US


def _pin_blocked(error: libpims.PimsError) -> Advice:
    if error.retry_after_seconds is None:
        return Advice("Your PIN is blocked. Set a new one with a code by SMS.", Next.NEW_PIN)
    # The block ends by itself.
    blocked = f"Your PIN is blocked for {_minutes(error.retry_after_seconds)}."
    if error.next_action == "resetPin":
        return Advice(f"{blocked} Wait, or set a new one with a code by SMS.", Next.NEW_PIN)
    return Advice(f"{blocked} Please wait.", Next.LATER)


def _blocked(error: libpims.PimsError, _during: Operation) -> Advice:
    if error.next_action == "removeDevice":
        return Advice("You have too many devices. Remove one of them, then set up this one.", Next.REMOVE_DEVICE)
    if error.next_action == "removeEnrollments":
        return Advice("Your PIN is blocked. Set a new one on your other device, or start anew.", Next.REMOVE)
    return _pin_blocked(error)


def _wrong_state(error: libpims.PimsError, _during: Operation) -> Advice:
    if error.next_action == "requestSmsCode":
        return Advice("Please ask for a new code.", Next.NEW_CODE)
    return Advice("Something went wrong. Please try again.", Next.LOOK)


def _post_synchronization(_error: libpims.PimsError, during: Operation) -> Advice:
    if during.changes:
        return Advice(DONE, Next.LOOK)
    return Advice("Please enter your PIN.", Next.ENTER_AGAIN)


def _forbidden(error: libpims.PimsError, during: Operation) -> Advice:
    if error.next_action == "requestSmsCode":
        return Advice("Please set up this device first.", Next.SET_UP)
    if error.next_action == "enroll":
        return Advice("This device must be set up again.", Next.SET_UP)
    if error.next_action == "resetPin":
        return _pin_blocked(error)
    if error.next_action == "removeEnrollments":
        return Advice("Please set up this device again.", Next.REMOVE)
    if "word" in error.info:
        return Advice("This is not possible now. Please try again later.", Next.LATER)
    if during.enrolls:
        return Advice("This device is set up already.", Next.LOOK)
    return Advice("Please enter your PIN to finish.", Next.FINISH)


def _minutes(seconds: int) -> str:
    minutes = max(1, -(-seconds // 60))
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


def _tries(left: int) -> str:
    words = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
    number = words[left] if left < len(words) else str(left)
    return f"{number} try is left." if left == 1 else f"{number} tries are left."


#: Stands for a sentence of the guide: "what you say when it succeeded".
DONE = "It is done."

_Rule = Callable[[libpims.PimsError, Operation], Advice]

_BY_CODE: Dict[int, "Advice | _Rule"] = {
    2000: _UNKNOWN,
    2001: _DEFECT,
    2002: _DEFECT,
    2003: _DEFECT,
    2004: _DEFECT,
    2005: _DEFECT,
    2006: Advice("The app cannot use its storage. Please free some space and start the app again.", Next.STORAGE),
    2007: _DEFECT,
    2101: _DEFECT,
    2102: _form,
    2201: Advice("This takes too long. Please check your connection and try again.", Next.AGAIN),
    2202: Advice("There is no connection. Please check your network and try again.", Next.AGAIN),
    2203: Advice(
        "Another page answers in place of our service. If you use a public network, sign in to it in your browser, then try again.",
        Next.AGAIN,
    ),
    2204: _server,
    2208: Advice(_NOT_OUR_SERVICE, Next.AGAIN),
    2301: Advice("Please sign in again.", Next.SIGN_IN),
    2305: _code,
    2307: Advice("Please add your phone number first.", Next.PHONE_NUMBER),
    2308: _refused,
    2309: Advice("Please update the app.", Next.UPDATE),
    2310: _blocked,
    2311: _wrong_state,
    2312: Advice("This device was removed from your account. Please set it up again.", Next.SET_UP),
    2313: Advice("Your account must be set up in another way first. Please contact us.", Next.STOP),
    2314: _CONTACT_US,
    2315: Advice("Please choose another PIN than the old one.", Next.ENTER_AGAIN),
    2316: _post_synchronization,
    2317: _forbidden,
    2344: _DEFECT,
    2390: Advice("Your account already has a phone number.", Next.SET_UP),
}
