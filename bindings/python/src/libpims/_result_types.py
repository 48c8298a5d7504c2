"""The types of results, for type checkers and readers, see docs/api.md.

Printed from tests/spec/api.json and operations.json by `make generate`: do not edit.
"""

from __future__ import annotations

from typing import List, Literal, Optional, TypedDict

#: The values of :class:`libpims.EnrollmentStatus`.
EnrollmentStatusText = Literal["NotEnrolled", "AlreadyEnrolled"]
#: The values of :class:`libpims.AccountState`.
AccountStateText = Literal["NotBlocked", "PinBlocked", "AccountBlocked", "Unknown"]
#: The values of :class:`libpims.Keystore`.
KeystoreText = Literal["hardware", "software"]
#: The values of :class:`libpims.ApprovalState`.
ApprovalStateText = Literal["none", "asked", "waiting"]


class AccountDeviceMembers(TypedDict):
    """A device of the account."""

    #: The beginning of its id, which names it among the devices of the account.
    deviceId: str
    #: The name that its user gave it. It is text, never markup.
    name: str
    #: The time of its enrollment.
    since: int
    #: The time of its last use, if it was used.
    lastUsed: Optional[int]
    #: True for the device that makes the call.
    thisDevice: bool
    #: The place of its storage key, if it told one.
    keystore: Optional[KeystoreText]


class AccountNoticeMembers(TypedDict):
    """An event of the account, which the service keeps for its devices."""

    #: The kind of the event, such as newDevice (docs/api.md has them all). A newer service may have
    #: others.
    event: str
    #: The time of the event.
    at: int
    #: The beginning of the id of the device that the event is about, if it is about one.
    deviceId: Optional[str]
    #: The name that this device had then. It is text, never markup.
    name: Optional[str]


class ApprovalMembers(TypedDict):
    """The approval of a new device: its state, and what is known of the device."""

    #: The state. The other members belong to it.
    state: ApprovalStateText
    #: The two digits that this device must show, if it is the one that waits.
    number: Optional[str]
    #: The id of the device that waits, if this device may decide.
    deviceId: Optional[str]
    #: The name of the device that waits. It is text, never markup.
    name: Optional[str]
    #: The time of its enrollment.
    since: Optional[int]
    #: The seconds that are left for a decision, if a device waits.
    lifetimeSeconds: Optional[int]


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
    notices: List[AccountNoticeMembers]
    approval: ApprovalMembers


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


class AccountDevices(TypedDict):
    """The result of ``get pims.authentication.devices``."""

    devices: List[AccountDeviceMembers]


class AccountNotices(TypedDict):
    """The result of ``get pims.authentication.notices``: the newest first."""

    notices: List[AccountNoticeMembers]


class Verified(TypedDict):
    """The result of ``set pims.authority.otp``."""

    verified: bool
