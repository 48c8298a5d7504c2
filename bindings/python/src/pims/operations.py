"""The operations as data: their requests, and the conversion of their results. Other modules run
them, once for threads and once for asyncio."""

from __future__ import annotations

from enum import Enum
from typing import Any, Callable, Generic, Optional, TypeVar

from ._errors import Code
from ._parameters import AsyncSecret as Secret
from ._parameters import Parameters

T = TypeVar("T")

ACCOUNT = "pims.authentication.account"
_ENROLLMENT = "pims.authentication.enrollment"
_OTP = "pims.authentication.otp"
_PINCODE = "pims.authentication.pincode"
_SMSCODE = "pims.authentication.smscode"

#: The changes of the account that a watching program receives.
CHANGES = {"actionType": "strong", "type": ["isDeviceActivated", "isAccountBlocked"]}


class EnrollmentStatus(str, Enum):
    """The state of the account, which the service reports with an accepted code."""

    #: The account has no PIN: the user chooses one.
    NOT_ENROLLED = "NotEnrolled"
    #: The account has a PIN, which the user enters.
    ALREADY_ENROLLED = "AlreadyEnrolled"


class AccountState(str, Enum):
    """The block of the account: of its PIN or of the account itself."""

    NOT_BLOCKED = "NotBlocked"
    PIN_BLOCKED = "PinBlocked"
    ACCOUNT_BLOCKED = "AccountBlocked"
    UNKNOWN = "Unknown"


class Request(Generic[T]):
    """One call. It holds secrets, and its printed form shows nothing."""

    __slots__ = ("api", "method", "parameters", "read", "done", "proves_pin")

    def __init__(
        self,
        method: str,
        api: str,
        parameters: Optional[Parameters],
        read: Callable[[Any], T],
        done: Optional[Code] = None,
        proves_pin: bool = False,
    ) -> None:
        self.method = method
        self.api = api
        self.parameters = parameters
        self.read = read
        #: The code of the error that counts as a success.
        self.done = done
        #: True if its answer reports wrong PINs.
        self.proves_pin = proves_pin

    def __repr__(self) -> str:
        return f"<a request of {self.api}>"


# Each of these functions gets secrets. They raise nothing, so no traceback has their frames.


def request_code(kind: str, **more: Any) -> Request[None]:
    return Request("get", _SMSCODE, {"type": kind, **more}, _nothing)


def accept_code(sms_code: Secret) -> Request[EnrollmentStatus]:
    parameters = {"action": "enrollment", "smsCode": sms_code}
    return Request("set", _SMSCODE, parameters, lambda result: EnrollmentStatus(result["status"]))


def change_number(action: str, sms_code: Secret, phone_number: str) -> Request[None]:
    return Request("set", _SMSCODE, {"action": action, "smsCode": sms_code, "phoneNumber": phone_number}, _nothing)


def trusted_phone_number() -> Request[str]:
    return Request("get", "pims.authentication.trustedphonenumber", None, lambda result: str(result["phoneNumber"]))


def enroll(action: str, pin: Secret, sms_code: Secret, **more: Any) -> Request[None]:
    return _change(_ENROLLMENT, {"action": action, "pinCode": pin, "smsCode": sms_code, **more})


def remove_enrollments() -> Request[None]:
    return Request("set", _ENROLLMENT, {"action": "remove"}, _nothing)


def change_pin(old_pin: Secret, new_pin: Secret) -> Request[None]:
    return _change(_PINCODE, {"action": "update", "oldPIN": old_pin, "newPIN": new_pin})


def reset_pin(new_pin: Secret, sms_code: Secret) -> Request[None]:
    return _change(_PINCODE, {"action": "reset", "pinCode": new_pin, "smsCode": sms_code})


def otp(pin: Optional[Secret]) -> Request[str]:
    parameters: Parameters = {"action": "withoutPIN"} if pin is None else {"action": "withPIN", "pinCode": pin}
    return Request("get", _OTP, parameters, lambda result: str(result["otp"]), proves_pin=pin is not None)


def verify(password: Secret) -> Request[bool]:
    parameters = {"action": "verify", "otp": password}
    return Request("set", "pims.authority.otp", parameters, lambda result: bool(result["verified"]))


def is_activated() -> Request[bool]:
    parameters = {"actionType": "strong", "type": "isDeviceActivated"}
    return Request("get", ACCOUNT, parameters, lambda result: bool(result["isDeviceActivated"]))


def account_state() -> Request[AccountState]:
    parameters = {"actionType": "strong", "type": "isAccountBlocked"}
    return Request("get", ACCOUNT, parameters, lambda result: AccountState(result["isAccountBlocked"]))


def set_access_token(token: Secret) -> Request[None]:
    return Request("set", "pims.authentication.token", {"type": "cvs", "token": token}, _nothing)


def _change(api: str, parameters: Parameters) -> Request[None]:
    """Returns a change of the account. Error 2316 means that the change is done. Only a
    synchronization is left, which the next operation makes."""
    return Request("set", api, parameters, _nothing, Code.POST_SYNCHRONIZATION, proves_pin=True)


def _nothing(_result: Any) -> None:
    return None
