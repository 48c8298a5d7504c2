"""The sentence for each error of the library, as a key of the translations.

docs/guide-errors.md has the rules. The `detail` of an error is for logs. Only the sentences about
the configuration, the folder and an imported state show it: the user of the form has given them,
and can correct them. The keys stand in the translations twice: for forms (`config.error`), and for
actions (`exceptions`).
"""

from __future__ import annotations

from typing import Final, Mapping, NamedTuple

from libpims import Code, NextAction, PimsError

#: The codes that have one sentence, whatever stands beside them.
ONE_SENTENCE: Final[Mapping[Code, str]] = {
    Code.NOT_INITIALIZED: "session_closed",
    Code.CONFIGURATION_INVALID: "configuration_invalid",
    Code.CORE_NOT_CONFIGURED: "storage_unusable",
    Code.NOT_CONFIGURED: "configuration_invalid",
    Code.TIMEOUT: "timeout",
    Code.NO_INTERNET: "cannot_connect",
    Code.INVALID_RETURN: "invalid_answer",
    Code.PINNING_FAILED: "pinning_failed",
    Code.NEED_AUTHENTICATION: "token_refused",
    Code.NO_PHONE_NUMBER: "no_phone_number",
    Code.PHONE_NUMBER_REGISTERED: "phone_number_registered",
    Code.VERSION_ERROR: "version_refused",
    Code.DEVICE_UNKNOWN: "device_unknown",
    Code.NEEDS_OTHER_TOOL: "account_unfit",
    Code.NO_SERVICE: "account_unfit",
    Code.PIN_REUSED: "pin_reused",
    Code.POST_SYNCHRONIZATION: "not_synchronized",
}

#: The parameters whose form the user can correct, by their names in the label of 2102.
FORMS: Final[Mapping[str, str]] = {
    "pinCode": "pin_form",
    "newPIN": "pin_form",
    "smsCode": "code_form",
    "phoneNumber": "phone_number_form",
    "state": "state_unfit",
    "token": "token_form",
}

#: The codes whose sentence shows the detail.
DETAILED: Final = (Code.CONFIGURATION_INVALID, Code.NOT_CONFIGURED, Code.CORE_NOT_CONFIGURED, Code.INVALID_PARAMETER)

#: The sentences for 2317, by the next action.
FORBIDDEN: Final[Mapping[NextAction, str]] = {
    NextAction.REQUEST_SMS_CODE: "not_enrolled",
    NextAction.RESET_PIN: "pin_blocked",
    NextAction.REMOVE_ENROLLMENTS: "too_old",
    NextAction.ENROLL: "enroll_again",
}

#: Every key that `sentence` returns. A test compares it with the translations.
KEYS: Final = frozenset(
    {
        *ONE_SENTENCE.values(),
        *FORMS.values(),
        *FORBIDDEN.values(),
        "account_blocked",
        "already_enrolled",
        "code_used",
        "code_wrong",
        "not_now",
        "pin_of_account",
        "pin_wrong",
        "refused",
        "service_failed",
        "unknown",
        "wait",
        "wrong_service",
        "wrong_state",
    }
)


class Sentence(NamedTuple):
    """A key of the translations, and the values of its placeholders."""

    key: str
    placeholders: Mapping[str, str]


def sentence(error: PimsError) -> Sentence:
    """Returns the sentence for an error."""
    seconds = error.retry_after_seconds
    return Sentence(
        _key(error),
        {
            "code": str(int(error.code)),
            "attempts_left": "?" if error.attempts_left is None else str(error.attempts_left),
            "detail": (error.detail or "") if error.code in DETAILED else "",
            "minutes": "?" if seconds is None else str(max(1, -(-seconds // 60))),
        },
    )


def _key(error: PimsError) -> str:
    if error.code == Code.INVALID_PARAMETER:
        return next((key for name, key in FORMS.items() if f" {name} " in error.label), "unknown")
    if error.code == Code.SERVER_ERROR:
        return "service_failed" if error.retry_after_seconds is None else "wait"
    if error.code == Code.CODE_INVALID:
        return "code_wrong" if error.attempts_left else "code_used"
    if error.code == Code.ACCESS_REFUSED:
        return _access_refused(error)
    if error.code == Code.ACCOUNT_BLOCKED:
        # A block of the PIN may end by itself.
        of_pin = error.next_action is NextAction.RESET_PIN or error.retry_after_seconds is not None
        return "pin_blocked" if of_pin else "account_blocked"
    if error.code == Code.WRONG_STATE:
        return _wrong_state(error)
    if error.code == Code.FORBIDDEN:
        return _forbidden(error)
    return next((key for code, key in ONE_SENTENCE.items() if code == error.code), "unknown")


def _access_refused(error: PimsError) -> str:
    if error.attempts_left is not None:
        return "pin_wrong"
    if error.next_action is NextAction.RETRY_PIN:
        return "pin_of_account"
    # Without info the factory key is another one: the library sent no PIN.
    return "refused" if error.info else "wrong_service"


def _wrong_state(error: PimsError) -> str:
    if error.next_action is NextAction.REQUEST_SMS_CODE:
        return "code_used"
    return "pin_blocked" if error.next_action is NextAction.RESET_PIN else "wrong_state"


def _forbidden(error: PimsError) -> str:
    for action, key in FORBIDDEN.items():
        if error.next_action is action:
            return key
    return "not_now" if "word" in error.info else "already_enrolled"
