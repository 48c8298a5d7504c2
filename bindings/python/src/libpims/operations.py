"""The operations as data: for each one a function that returns its request. Other modules run the
requests, once for threads and once for asyncio.

Printed from tests/spec/api.json and operations.json by `make generate`: do not edit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, List, Mapping, Optional

from ._errors import Code
from ._parameters import AsyncSecret as Secret
from ._request import Request, read_flag, read_nothing, read_optional, read_seconds, read_text, read_text_or_none, read_time


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


class Keystore(str, Enum):
    """The place of a device's storage key, by its own statement. Nobody checks it."""

    #: A security chip holds the key.
    HARDWARE = "hardware"
    #: Software alone holds the key.
    SOFTWARE = "software"


class ApprovalState(str, Enum):
    """The state of the approval of a new device."""

    #: No device waits.
    NONE = "none"
    #: A new device waits for the decision of another one: this one may decide.
    ASKED = "asked"
    #: This device is the new one, and waits.
    WAITING = "waiting"


@dataclass(frozen=True)
class AccountDevice:
    """A device of the account."""

    #: The beginning of its id, which names it among the devices of the account.
    device_id: str
    #: The name that its user gave it. It is text, never markup.
    name: str
    #: The time of its enrollment.
    since: datetime
    #: The time of its last use, if it was used.
    last_used: Optional[datetime]
    #: True for the device that makes the call.
    this_device: bool
    #: The place of its storage key, if it told one.
    keystore: Optional[Keystore]

    @classmethod
    def read(cls, members: Mapping[str, Any]) -> AccountDevice:
        """Reads it from a result."""
        return cls(
            device_id=read_text(members["deviceId"]),
            name=read_text(members["name"]),
            since=read_time(members["since"]),
            last_used=read_optional(read_time, members["lastUsed"]),
            this_device=read_flag(members["thisDevice"]),
            keystore=read_optional(Keystore, members["keystore"]),
        )


@dataclass(frozen=True)
class AccountNotice:
    """An event of the account, which the service keeps for its devices."""

    #: The kind of the event, such as newDevice (docs/api.md has them all). A newer service may have
    #: others.
    event: str
    #: The time of the event.
    at: datetime
    #: The beginning of the id of the device that the event is about, if it is about one.
    device_id: Optional[str]
    #: The name that this device had then. It is text, never markup.
    name: Optional[str]

    @classmethod
    def read(cls, members: Mapping[str, Any]) -> AccountNotice:
        """Reads it from a result."""
        return cls(
            event=read_text(members["event"]),
            at=read_time(members["at"]),
            device_id=read_optional(read_text, members["deviceId"]),
            name=read_optional(read_text, members["name"]),
        )


@dataclass(frozen=True)
class Approval:
    """The approval of a new device: its state, and what is known of the device."""

    #: The state. The other members belong to it.
    state: ApprovalState
    #: The two digits that this device must show, if it is the one that waits.
    number: Optional[str]
    #: The id of the device that waits, if this device may decide.
    device_id: Optional[str]
    #: The name of the device that waits. It is text, never markup.
    name: Optional[str]
    #: The time of its enrollment.
    since: Optional[datetime]
    #: The seconds that are left for a decision, if a device waits.
    lifetime_seconds: Optional[int]

    @classmethod
    def read(cls, members: Mapping[str, Any]) -> Approval:
        """Reads it from a result."""
        return cls(
            state=ApprovalState(members["state"]),
            number=read_optional(read_text, members["number"]),
            device_id=read_optional(read_text, members["deviceId"]),
            name=read_optional(read_text, members["name"]),
            since=read_optional(read_time, members["since"]),
            lifetime_seconds=read_optional(read_seconds, members["lifetimeSeconds"]),
        )


# Each of these functions gets secrets. They raise nothing, so no traceback has their frames.


def request_enrollment_code() -> Request[None]:
    return Request(
        "get",
        "pims.authentication.smscode",
        {"type": "enrollment"},
        read_nothing,
    )


def accept_enrollment_code(sms_code: Secret) -> Request[EnrollmentStatus]:
    return Request(
        "set",
        "pims.authentication.smscode",
        {"action": "enrollment", "smsCode": sms_code},
        lambda result: EnrollmentStatus(result["status"]),
    )


def enroll(pin: Secret, sms_code: Secret = " ") -> Request[None]:
    return Request(
        "set",
        "pims.authentication.enrollment",
        {"action": "enroll", "pinCode": pin, "smsCode": sms_code},
        read_nothing,
        done=Code.POST_SYNCHRONIZATION,
        proves_pin=True,
    )


def enroll_with_phone_number(pin: Secret, sms_code: Secret, phone_number: str) -> Request[None]:
    return Request(
        "set",
        "pims.authentication.enrollment",
        {"action": "enrollWithPhoneNumber", "pinCode": pin, "smsCode": sms_code, "phoneNumber": phone_number},
        read_nothing,
        done=Code.POST_SYNCHRONIZATION,
        proves_pin=True,
    )


def import_enrollment(format: str, state: Secret, pin: Secret) -> Request[str]:
    return Request(
        "set",
        "pims.authentication.enrollment",
        {"action": "import", "format": format, "state": state, "pinCode": pin},
        lambda result: str(result["warning"]),
        proves_pin=True,
    )


def export_enrollment(pin: Secret) -> Request[str]:
    return Request(
        "set",
        "pims.authentication.enrollment",
        {"action": "export", "plain": "true", "pinCode": pin},
        lambda result: str(result["state"]),
        proves_pin=True,
    )


def make_enrollment_code(pin: Secret) -> Request[str]:
    return Request(
        "get",
        "pims.authentication.enrollmentcode",
        {"action": "make", "pinCode": pin},
        lambda result: str(result["code"]),
        proves_pin=True,
    )


def pending_fingerprint() -> Request[Optional[str]]:
    return Request(
        "get",
        "pims.authentication.enrollmentcode",
        {"action": "state"},
        lambda result: read_text_or_none(result["fingerprint"]),
    )


def confirm_device(fingerprint: str, pin: Secret) -> Request[None]:
    return Request(
        "set",
        "pims.authentication.enrollmentcode",
        {"action": "confirm", "fingerprint": fingerprint, "pinCode": pin},
        read_nothing,
        proves_pin=True,
    )


def reject_device(fingerprint: str, pin: Secret) -> Request[None]:
    return Request(
        "set",
        "pims.authentication.enrollmentcode",
        {"action": "reject", "fingerprint": fingerprint, "pinCode": pin},
        read_nothing,
        proves_pin=True,
    )


def approval() -> Request[Approval]:
    return Request(
        "get",
        "pims.authentication.approval",
        None,
        Approval.read,
    )


def approve_new_device(device_id: str, number: str, pin: Secret) -> Request[None]:
    return Request(
        "set",
        "pims.authentication.approval",
        {"action": "approve", "deviceId": device_id, "number": number, "pinCode": pin},
        read_nothing,
        proves_pin=True,
    )


def reject_new_device(device_id: str) -> Request[None]:
    return Request(
        "set",
        "pims.authentication.approval",
        {"action": "reject", "deviceId": device_id},
        read_nothing,
    )


def notices() -> Request[List[AccountNotice]]:
    return Request(
        "get",
        "pims.authentication.notices",
        None,
        lambda result: [AccountNotice.read(one) for one in result["notices"]],
    )


def remove_enrollments() -> Request[None]:
    return Request(
        "set",
        "pims.authentication.enrollment",
        {"action": "remove"},
        read_nothing,
    )


def request_phone_number_code(phone_number: str) -> Request[None]:
    return Request(
        "get",
        "pims.authentication.smscode",
        {"type": "phoneNumberCertification", "phoneNumber": phone_number},
        read_nothing,
    )


def add_phone_number(sms_code: Secret, phone_number: str) -> Request[None]:
    return Request(
        "set",
        "pims.authentication.smscode",
        {"action": "addPhoneNumber", "smsCode": sms_code, "phoneNumber": phone_number},
        read_nothing,
    )


def modify_phone_number(sms_code: Secret, phone_number: str) -> Request[None]:
    return Request(
        "set",
        "pims.authentication.smscode",
        {"action": "modifyPhoneNumber", "smsCode": sms_code, "phoneNumber": phone_number},
        read_nothing,
    )


def trusted_phone_number() -> Request[str]:
    return Request(
        "get",
        "pims.authentication.trustedphonenumber",
        None,
        lambda result: str(result["phoneNumber"]),
    )


def change_pin(old_pin: Secret, new_pin: Secret) -> Request[None]:
    return Request(
        "set",
        "pims.authentication.pincode",
        {"action": "update", "oldPIN": old_pin, "newPIN": new_pin},
        read_nothing,
        done=Code.POST_SYNCHRONIZATION,
        proves_pin=True,
    )


def request_reset_code() -> Request[None]:
    return Request(
        "get",
        "pims.authentication.smscode",
        {"type": "resetPIN"},
        read_nothing,
    )


def reset_pin(new_pin: Secret, sms_code: Secret) -> Request[None]:
    return Request(
        "set",
        "pims.authentication.pincode",
        {"action": "reset", "pinCode": new_pin, "smsCode": sms_code},
        read_nothing,
        done=Code.POST_SYNCHRONIZATION,
        proves_pin=True,
    )


def otp(pin: Secret) -> Request[str]:
    return Request(
        "get",
        "pims.authentication.otp",
        {"action": "withPIN", "pinCode": pin},
        lambda result: str(result["otp"]),
        proves_pin=True,
    )


def otp_without_pin() -> Request[str]:
    return Request(
        "get",
        "pims.authentication.otp",
        {"action": "withoutPIN"},
        lambda result: str(result["otp"]),
    )


def devices() -> Request[List[AccountDevice]]:
    return Request(
        "get",
        "pims.authentication.devices",
        None,
        lambda result: [AccountDevice.read(one) for one in result["devices"]],
    )


def rename_device(device_id: str, name: str, pin: Secret = " ") -> Request[None]:
    return Request(
        "set",
        "pims.authentication.devices",
        {"action": "rename", "deviceId": device_id, "name": name, "pinCode": pin},
        read_nothing,
        proves_pin=True,
    )


def remove_device(device_id: str, pin: Secret = " ") -> Request[None]:
    return Request(
        "set",
        "pims.authentication.devices",
        {"action": "remove", "deviceId": device_id, "pinCode": pin},
        read_nothing,
        proves_pin=True,
    )


def is_activated() -> Request[bool]:
    return Request(
        "get",
        "pims.authentication.account",
        {"actionType": "strong", "type": "isDeviceActivated"},
        lambda result: bool(result["isDeviceActivated"]),
    )


def account_state() -> Request[AccountState]:
    return Request(
        "get",
        "pims.authentication.account",
        {"actionType": "strong", "type": "isAccountBlocked"},
        lambda result: AccountState(result["isAccountBlocked"]),
    )


def set_access_token(token: Secret) -> Request[None]:
    return Request(
        "set",
        "pims.authentication.token",
        {"type": "cvs", "token": token},
        read_nothing,
    )


def verify(password: Secret) -> Request[bool]:
    return Request(
        "set",
        "pims.authority.otp",
        {"action": "verify", "otp": password},
        lambda result: bool(result["verified"]),
    )
