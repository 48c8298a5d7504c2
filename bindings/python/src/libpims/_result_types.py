"""The types of results, for type checkers and readers, see docs/api.md.

Printed from tests/spec/api.json and operations.json by `make generate`: do not edit.
"""

from __future__ import annotations

from typing import List, Literal, Optional, TypedDict

#: The values of :class:`libpims.EnrollmentStatus`.
EnrollmentStatusText = Literal["NotEnrolled", "AlreadyEnrolled"]
#: The values of :class:`libpims.AccountState`.
AccountStateText = Literal["NotBlocked", "PinBlocked", "AccountBlocked", "Unknown"]


class OneTimePassword(TypedDict):
    """The result of ``get pims.authentication.otp``."""

    otp: str


class AcceptedCode(TypedDict):
    """The result of ``set pims.authentication.smscode`` with ``"action": "enrollment"``."""

    status: EnrollmentStatusText


class PhoneNumber(TypedDict):
    """The result of ``get pims.authentication.trustedphonenumber``."""

    phoneNumber: str


class Account(TypedDict, total=False):
    """The result of ``get pims.authentication.account``, and its events: the member that was
    requested, or that changed."""

    isDeviceActivated: bool
    isAccountBlocked: AccountStateText


class Version(TypedDict):
    """The result of ``get pims.sdk.version``."""

    versionCore: str
    versionFacade: str


class Device(TypedDict):
    """The result of ``get pims.sdk.device``."""

    OS: str
    OSVersion: str
    PhoneModel: str
    PhoneBrand: str


class Log(TypedDict):
    """The result of ``get pims.sdk.log``."""

    logPath: Optional[str]


class Logs(TypedDict):
    """The result of ``get pims.sdk.logs``: the oldest file first."""

    logPaths: List[str]


class ImportedEnrollment(TypedDict):
    """The result of ``set pims.authentication.enrollment`` with ``"action": "import"``."""

    warning: str


class ExportedEnrollment(TypedDict):
    """The result of ``set pims.authentication.enrollment`` with ``"action": "export"``."""

    state: str


class Verified(TypedDict):
    """The result of ``set pims.authority.otp``."""

    verified: bool
