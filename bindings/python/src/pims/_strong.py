"""The component, for threads: a method for each operation, which waits for the service."""

from __future__ import annotations

from typing import Callable, Optional, TypeVar

from . import operations
from ._bridge import bridge
from ._errors import PimsError
from ._parameters import Secret, encode
from ._subscription import Subscription
from .operations import AccountState, EnrollmentStatus, Request
from .results import Account, WrongPins
from .results import wrong_pins as wrong_pins_of

T = TypeVar("T")


class StrongAuthentication:
    """The operations of docs/api.md, on the facade of this process.

    After ``enroll``, ``enroll_with_phone_number``, ``change_pin`` and ``reset_pin``, error 2316
    means that the change is done: these methods then return.
    """

    #: Wrong PINs for the account, from the last operation with a PIN, see docs/guide-security.md.
    #: ``None`` if it reported none.
    wrong_pins: Optional[WrongPins] = None

    def request_enrollment_code(self) -> None:
        """Asks the service to send an SMS code for an enrollment to the trusted phone number."""
        return self._run(operations.request_code("enrollment"))

    def accept_enrollment_code(self, sms_code: Secret) -> EnrollmentStatus:
        """Submits the code. The result tells if the account has a PIN. A call of ``enroll`` without
        a code then finishes the enrollment."""
        request = operations.accept_code(sms_code)
        del sms_code
        return self._run(request)

    def enroll(self, pin: Secret, sms_code: Secret = " ") -> None:
        """Enrolls the device: in one step with a code, or without a code after
        ``accept_enrollment_code``."""
        request = operations.enroll("enroll", pin, sms_code)
        del pin, sms_code
        return self._run(request)

    def enroll_with_phone_number(self, pin: Secret, sms_code: Secret, phone_number: str) -> None:
        """Enrolls the device and registers the trusted phone number, with a code from
        ``request_phone_number_code``."""
        request = operations.enroll("enrollWithPhoneNumber", pin, sms_code, phoneNumber=phone_number)
        del pin, sms_code
        return self._run(request)

    def remove_enrollments(self) -> None:
        """Removes every enrollment of the account, its PIN and a block, then this device's
        enrollment."""
        return self._run(operations.remove_enrollments())

    def request_phone_number_code(self, phone_number: str) -> None:
        """Asks the service to send an SMS code to a phone number that is to become the trusted
        one."""
        return self._run(operations.request_code("phoneNumberCertification", phoneNumber=phone_number))

    def add_phone_number(self, sms_code: Secret, phone_number: str) -> None:
        """Registers the account's first trusted phone number."""
        request = operations.change_number("addPhoneNumber", sms_code, phone_number)
        del sms_code
        return self._run(request)

    def modify_phone_number(self, sms_code: Secret, phone_number: str) -> None:
        """Replaces the account's trusted phone number."""
        request = operations.change_number("modifyPhoneNumber", sms_code, phone_number)
        del sms_code
        return self._run(request)

    def trusted_phone_number(self) -> str:
        """Returns the account's trusted phone number. Raises error 2307 if there is none."""
        return self._run(operations.trusted_phone_number())

    def change_pin(self, old_pin: Secret, new_pin: Secret) -> None:
        """Changes the PIN."""
        request = operations.change_pin(old_pin, new_pin)
        del old_pin, new_pin
        return self._run(request)

    def request_reset_code(self) -> None:
        """Asks the service to send an SMS code with which the user can set a new PIN."""
        return self._run(operations.request_code("resetPIN"))

    def reset_pin(self, new_pin: Secret, sms_code: Secret) -> None:
        """Sets a new PIN with a code from ``request_reset_code``, and lifts a block of the PIN."""
        request = operations.reset_pin(new_pin, sms_code)
        del new_pin, sms_code
        return self._run(request)

    def otp(self, pin: Secret) -> str:
        """Returns a one-time password. A wrong PIN is 2308, with ``attempts_left``."""
        request = operations.otp(pin)
        del pin
        return self._run(request)

    def otp_without_pin(self) -> str:
        """Returns a one-time password that proves the device and nothing about the user, if the
        service allows it."""
        return self._run(operations.otp(None))

    def is_activated(self) -> bool:
        """Returns true if this device is enrolled, according to its own state."""
        return self._run(operations.is_activated())

    def account_state(self) -> AccountState:
        """Returns the block of the account. If the device is enrolled, the library asks the
        service."""
        return self._run(operations.account_state())

    def set_access_token(self, token: Secret) -> None:
        """Replaces ``account.accessToken``."""
        request = operations.set_access_token(token)
        del token
        return self._run(request)

    def verify(self, password: Secret) -> bool:
        """Returns true if a one-time password is right, like a relying party's check. It works with
        the embedded authority only; else it raises 2003."""
        request = operations.verify(password)
        del password
        return self._run(request)

    def watch(self, on_event: Callable[[Account], None]) -> Subscription:
        """Passes changes of ``isDeviceActivated`` and ``isAccountBlocked`` to a function, on the
        library's thread, until the program closes or drops the subscription."""
        return Subscription(operations.ACCOUNT, operations.CHANGES, on_event)

    def _run(self, request: Request[T]) -> T:
        result, wrong_pins = None, None
        try:
            answer = bridge.execute(request.method, request.api, encode(request.parameters))
            result, wrong_pins = answer.result, wrong_pins_of(answer.info)
        except PimsError as error:
            wrong_pins = error.wrong_pins
            if error.code != request.done:
                raise
        finally:
            if request.proves_pin:
                self.wrong_pins = wrong_pins
        return request.read(result)
