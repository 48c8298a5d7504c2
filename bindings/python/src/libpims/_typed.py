"""The functions and methods for threads: ``get`` and ``set`` with a type for each result, and a
method for each operation.

Printed from tests/spec/api.json and operations.json by `make generate`: do not edit.
"""

from __future__ import annotations

from typing import Any, List, Literal, Optional, TypeVar, overload

from . import operations, results
from ._bridge import bridge
from ._parameters import Parameters, Secret, encode
from ._request import Request
from .operations import AccountDevice, AccountNotice, AccountState, Approval, EnrollmentStatus

T = TypeVar("T")


@overload
def get(api: Literal["pims.authentication.otp"], parameters: Optional[Parameters] = None) -> results.OneTimePassword: ...
@overload
def get(api: Literal["pims.authentication.trustedphonenumber"], parameters: Optional[Parameters] = None) -> results.PhoneNumber: ...
@overload
def get(api: Literal["pims.authentication.account"], parameters: Optional[Parameters] = None) -> results.Account: ...
@overload
def get(api: Literal["pims.sdk.version"], parameters: Optional[Parameters] = None) -> results.Version: ...
@overload
def get(api: Literal["pims.sdk.device"], parameters: Optional[Parameters] = None) -> results.Device: ...
@overload
def get(api: Literal["pims.sdk.log"], parameters: Optional[Parameters] = None) -> results.Log: ...
@overload
def get(api: Literal["pims.sdk.logs"], parameters: Optional[Parameters] = None) -> results.Logs: ...
@overload
def get(api: Literal["pims.authentication.devices"], parameters: Optional[Parameters] = None) -> results.AccountDevices: ...
@overload
def get(api: Literal["pims.authentication.notices"], parameters: Optional[Parameters] = None) -> results.AccountNotices: ...
@overload
def get(api: Literal["pims.authentication.approval"], parameters: Optional[Parameters] = None) -> results.ApprovalMembers: ...
@overload
def get(api: str, parameters: Optional[Parameters] = None) -> Any: ...
def get(api: str, parameters: Optional[Parameters] = None) -> Any:
    """Requests data, see docs/api.md. Returns the result, or raises :class:`PimsError`."""
    try:
        return bridge.execute("get", api, encode(parameters)).result
    finally:
        del parameters


@overload
def set(api: Literal["pims.authority.otp"], parameters: Optional[Parameters] = None) -> results.Verified: ...
@overload
def set(api: str, parameters: Optional[Parameters] = None) -> Any: ...
def set(api: str, parameters: Optional[Parameters] = None) -> Any:
    """Changes data or performs an action. Returns and raises like ``get``."""
    try:
        return bridge.execute("set", api, encode(parameters)).result
    finally:
        del parameters


class Calls:
    """The functions of a session."""

    _facade: int

    @overload
    def get(self, api: Literal["pims.authentication.otp"], parameters: Optional[Parameters] = None) -> results.OneTimePassword: ...
    @overload
    def get(
        self, api: Literal["pims.authentication.trustedphonenumber"], parameters: Optional[Parameters] = None
    ) -> results.PhoneNumber: ...
    @overload
    def get(self, api: Literal["pims.authentication.account"], parameters: Optional[Parameters] = None) -> results.Account: ...
    @overload
    def get(self, api: Literal["pims.sdk.version"], parameters: Optional[Parameters] = None) -> results.Version: ...
    @overload
    def get(self, api: Literal["pims.sdk.device"], parameters: Optional[Parameters] = None) -> results.Device: ...
    @overload
    def get(self, api: Literal["pims.sdk.log"], parameters: Optional[Parameters] = None) -> results.Log: ...
    @overload
    def get(self, api: Literal["pims.sdk.logs"], parameters: Optional[Parameters] = None) -> results.Logs: ...
    @overload
    def get(self, api: Literal["pims.authentication.devices"], parameters: Optional[Parameters] = None) -> results.AccountDevices: ...
    @overload
    def get(self, api: Literal["pims.authentication.notices"], parameters: Optional[Parameters] = None) -> results.AccountNotices: ...
    @overload
    def get(self, api: Literal["pims.authentication.approval"], parameters: Optional[Parameters] = None) -> results.ApprovalMembers: ...
    @overload
    def get(self, api: str, parameters: Optional[Parameters] = None) -> Any: ...
    def get(self, api: str, parameters: Optional[Parameters] = None) -> Any:
        """Requests data, see docs/api.md. Returns the result, or raises :class:`PimsError`."""
        try:
            return bridge.execute("get", api, encode(parameters), self._facade).result
        finally:
            del parameters

    @overload
    def set(self, api: Literal["pims.authority.otp"], parameters: Optional[Parameters] = None) -> results.Verified: ...
    @overload
    def set(self, api: str, parameters: Optional[Parameters] = None) -> Any: ...
    def set(self, api: str, parameters: Optional[Parameters] = None) -> Any:
        """Changes data or performs an action. Returns and raises like ``get``."""
        try:
            return bridge.execute("set", api, encode(parameters), self._facade).result
        finally:
            del parameters


class Operations:
    """The operations for threads. A derived class runs their requests."""

    def _run(self, request: Request[T]) -> T:
        raise NotImplementedError

    def request_enrollment_code(self) -> None:
        """Asks the service to send an SMS code for an enrollment to the trusted phone number."""
        return self._run(operations.request_enrollment_code())

    def accept_enrollment_code(self, sms_code: Secret) -> EnrollmentStatus:
        """Submits the code. The result tells if the account has a PIN. A call of ``enroll`` without
        a code then finishes the enrollment."""
        request = operations.accept_enrollment_code(sms_code)
        del sms_code
        return self._run(request)

    def enroll(self, pin: Secret, sms_code: Secret = " ") -> None:
        """Enrolls the device: in one step with a code, or without a code after
        ``accept_enrollment_code``. If another device of the account must confirm or approve it,
        this one does not work before: ``pending_fingerprint`` or ``approval`` has what this device
        must show."""
        request = operations.enroll(pin, sms_code)
        del pin, sms_code
        return self._run(request)

    def enroll_with_phone_number(self, pin: Secret, sms_code: Secret, phone_number: str) -> None:
        """Enrolls the device and registers the trusted phone number, with a code from
        ``request_phone_number_code``."""
        request = operations.enroll_with_phone_number(pin, sms_code, phone_number)
        del pin, sms_code
        return self._run(request)

    def import_enrollment(self, format: str, state: Secret, pin: Secret) -> str:
        """Imports the enrollment of another client, whose PIN one password proves. Returns a
        warning: the other client must stop, and its file must be removed. ``format`` is ``auto``,
        ``pickle``, ``homey-json``, ``e3008-json``, ``kotlin-json`` or ``pims``. A pickle is given
        in base64."""
        request = operations.import_enrollment(format, state, pin)
        del state, pin
        return self._run(request)

    def export_enrollment(self, pin: Secret) -> str:
        """Returns the enrollment of this device as neutral JSON, with K1 in clear. One password
        proves the PIN."""
        request = operations.export_enrollment(pin)
        del pin
        return self._run(request)

    def make_enrollment_code(self, pin: Secret) -> str:
        """Returns a code of ten letters with which another device of the account enrolls, if the
        service permits it. A code before it ends."""
        request = operations.make_enrollment_code(pin)
        del pin
        return self._run(request)

    def pending_fingerprint(self) -> Optional[str]:
        """Returns the fingerprint of the device that entered the code and waits for its
        confirmation: another device, or this one. Returns null if none waits."""
        return self._run(operations.pending_fingerprint())

    def confirm_device(self, fingerprint: str, pin: Secret) -> None:
        """Lets the device with this fingerprint work. The user has compared it on both devices."""
        request = operations.confirm_device(fingerprint, pin)
        del pin
        return self._run(request)

    def reject_device(self, fingerprint: str, pin: Secret) -> None:
        """Ends the device with this fingerprint, which entered the code."""
        request = operations.reject_device(fingerprint, pin)
        del pin
        return self._run(request)

    def approval(self) -> Approval:
        """Returns whether a new device waits for an approval: another one, or this one after
        ``enroll``. This one must then show its number to the user."""
        return self._run(operations.approval())

    def approve_new_device(self, device_id: str, number: str, pin: Secret) -> None:
        """Lets the new device work. The user has read the number on that device, and enters it
        here. A wrong number ends that device."""
        request = operations.approve_new_device(device_id, number, pin)
        del pin
        return self._run(request)

    def reject_new_device(self, device_id: str) -> None:
        """Ends the new device, and blocks the account: the user did not enroll it. The user sets a
        new PIN with an SMS code, see ``reset_pin``."""
        return self._run(operations.reject_new_device(device_id))

    def notices(self) -> List[AccountNotice]:
        """Returns the events of the account that the service still has, the newest first. Those
        that this device caused are not among them."""
        return self._run(operations.notices())

    def remove_enrollments(self) -> None:
        """Removes every enrollment of the account, its PIN and a block, then this device's
        enrollment."""
        return self._run(operations.remove_enrollments())

    def request_phone_number_code(self, phone_number: str) -> None:
        """Asks the service to send an SMS code to a phone number that is to become the trusted
        one."""
        return self._run(operations.request_phone_number_code(phone_number))

    def add_phone_number(self, sms_code: Secret, phone_number: str) -> None:
        """Registers the account's first trusted phone number."""
        request = operations.add_phone_number(sms_code, phone_number)
        del sms_code
        return self._run(request)

    def modify_phone_number(self, sms_code: Secret, phone_number: str) -> None:
        """Replaces the account's trusted phone number."""
        request = operations.modify_phone_number(sms_code, phone_number)
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
        return self._run(operations.request_reset_code())

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
        return self._run(operations.otp_without_pin())

    def devices(self) -> List[AccountDevice]:
        """Returns the devices of the account. A device that is not enrolled needs the access
        token."""
        return self._run(operations.devices())

    def rename_device(self, device_id: str, name: str, pin: Secret = " ") -> None:
        """Renames a device of the account. An enrolled device must give the PIN. Another one needs
        the access token instead."""
        request = operations.rename_device(device_id, name, pin)
        del pin
        return self._run(request)

    def remove_device(self, device_id: str, pin: Secret = " ") -> None:
        """Removes one device of the account, this one or another. An enrolled device must give the
        PIN. Another one needs the access token instead."""
        request = operations.remove_device(device_id, pin)
        del pin
        return self._run(request)

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
