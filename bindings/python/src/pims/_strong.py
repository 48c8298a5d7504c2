"""The component, for threads: one method an operation, which waits for the service."""

from __future__ import annotations

from typing import Any, Callable, TypeVar

from . import operations
from ._bridge import bridge
from ._errors import PimsError
from ._subscription import Subscription
from .operations import AccountState, EnrollmentStatus, Request, Secret

T = TypeVar("T")


class StrongAuthentication:
    """The operations of docs/api.md, on the facade of this process.

    After ``enroll``, ``enroll_with_phone_number``, ``change_pin`` and ``reset_pin``, error 2316 means that it is done: they return then.
    """

    def request_enrollment_code(self) -> None:
        """Has an SMS code for an enrollment sent to the trusted phone number."""
        return _run(operations.request_code("enrollment"))

    def accept_enrollment_code(self, sms_code: Secret) -> EnrollmentStatus:
        """Shows the code to the service, which says whether the account has a PIN. ``enroll`` without a code finishes."""
        return _run(operations.accept_code(sms_code))

    def enroll(self, pin: Secret, sms_code: Secret = " ") -> None:
        """Enrolls the device: with a code in one step, without one after ``accept_enrollment_code``."""
        return _run(operations.enroll("enroll", pin, sms_code))

    def enroll_with_phone_number(self, pin: Secret, sms_code: Secret, phone_number: str) -> None:
        """Enrolls the device and registers the trusted phone number, with a code of ``request_phone_number_code``."""
        return _run(operations.enroll("enrollWithPhoneNumber", pin, sms_code, phoneNumber=phone_number))

    def remove_enrollments(self) -> None:
        """Removes every enrollment of the account, with its PIN and a block, then this device's."""
        return _run(operations.remove_enrollments())

    def request_phone_number_code(self, phone_number: str) -> None:
        """Has an SMS code sent to a phone number that is to become the trusted one."""
        return _run(operations.request_code("phoneNumberCertification", phoneNumber=phone_number))

    def add_phone_number(self, sms_code: Secret, phone_number: str) -> None:
        """Registers the account's first trusted phone number."""
        return _run(operations.change_number("addPhoneNumber", sms_code, phone_number))

    def modify_phone_number(self, sms_code: Secret, phone_number: str) -> None:
        """Puts another trusted phone number in place of the account's."""
        return _run(operations.change_number("modifyPhoneNumber", sms_code, phone_number))

    def trusted_phone_number(self) -> str:
        """The account's trusted phone number; 2307 where there is none."""
        return _run(operations.trusted_phone_number())

    def change_pin(self, old_pin: Secret, new_pin: Secret) -> None:
        """Changes the PIN."""
        return _run(operations.change_pin(old_pin, new_pin))

    def request_reset_code(self) -> None:
        """Has an SMS code sent with which the PIN can be set anew."""
        return _run(operations.request_code("resetPIN"))

    def reset_pin(self, new_pin: Secret, sms_code: Secret) -> None:
        """Sets a new PIN with a code of ``request_reset_code``, and lifts a block of the PIN."""
        return _run(operations.reset_pin(new_pin, sms_code))

    def otp(self, pin: Secret) -> str:
        """A one-time password. A wrong PIN is 2308, with ``attempts_left``."""
        return _run(operations.otp(pin))

    def otp_without_pin(self) -> str:
        """A one-time password that proves the device and nothing of the person, where the service allows it."""
        return _run(operations.otp(None))

    def is_activated(self) -> bool:
        """Whether this device is enrolled, from its own state."""
        return _run(operations.is_activated())

    def account_state(self) -> AccountState:
        """Whether the account is blocked; the service is asked where the device is enrolled."""
        return _run(operations.account_state())

    def set_access_token(self, token: Secret) -> None:
        """Replaces ``account.accessToken``."""
        return _run(operations.set_access_token(token))

    def watch(self, on_event: Callable[[Any], None]) -> Subscription:
        """Tells changes of ``isDeviceActivated`` and ``isAccountBlocked``, on the library's thread."""
        return Subscription(operations.ACCOUNT, operations.CHANGES, on_event)


def _run(request: Request[T]) -> T:
    try:
        result = bridge.execute(request.method, request.api, request.parameters)
    except PimsError as error:
        if error.code != request.done:
            raise
        result = None
    return request.read(result)
