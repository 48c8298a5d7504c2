"""Each error of this program's operations has a sentence of docs/guide-errors.md, and a next
step."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

import pytest

import libpims
from advice import DONE, Next, Operation, advise, is_known

REPOSITORY = Path(__file__).resolve().parents[3]
OURS = (Operation.START, Operation.TOKEN, Operation.VERIFY, Operation.DEVICES, Operation.REMOVE_DEVICE)
#: The numbers in the guide's examples.
EXAMPLES: Mapping[str, Any] = {"attemptsLeft": 4, "retryAfterSeconds": 720}


def sections(page: str, level: str) -> Dict[str, str]:
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    parts = re.split(rf"^{level} (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def caused(operation: Operation) -> List[Tuple[int, str, Dict[str, Any]]]:
    """Returns the errors of an operation, with their `info`, from the table of errors that tests
    cause."""
    rows = re.findall(
        r"^\| (\d{4}) \| (.*?) \| .*? \| (.*?) \|", sections("docs/error-table.md", "##")[f"`{operation.value}`"], re.MULTILINE
    )
    return [(int(code), label, info_of(cell.strip().strip("`"))) for code, label, cell in rows]


def info_of(cell: str) -> Dict[str, Any]:
    if cell.startswith("{"):
        info: Dict[str, Any] = json.loads(cell)
        return info
    return {cell: EXAMPLES[cell]} if cell else {}


def said_by_the_guide(code: int) -> str:
    chapters = sections("docs/guide-errors.md", "##")
    (chapter,) = [text for text in chapters.values() if f"### {code}\n" in text]
    section = re.split(r"^### .*$", chapter.split(f"### {code}\n")[1], flags=re.MULTILINE)[0]
    # The chapter's text for all its codes. For an error that the user should never see, also the
    # text of the first chapter.
    common = chapter.split("### ")[0] + (chapters["The call"].split("### ")[0] if "Tell the user:** nothing" in section else "")
    return re.sub(r"\s+", " ", section + common)


CAUSED = [(operation, *case) for operation in Operation if operation not in OURS for case in caused(operation)]


@pytest.mark.parametrize(("operation", "code", "label", "info"), CAUSED)
def test_each_error_that_is_caused_has_a_sentence_of_the_guide(operation: Operation, code: int, label: str, info: Dict[str, Any]) -> None:
    assert is_known(code)
    parameters = ("pinCode", "newPIN", "phoneNumber", "smsCode", "type") if "[PARAMETER]" in label else ("",)
    for parameter in parameters:
        advice = advise(libpims.PimsError(code, label.replace("[PARAMETER]", parameter), None, info), operation)
        assert advice.sentence == DONE and code == 2316 or f'"{advice.sentence}"' in said_by_the_guide(code)
        assert isinstance(advice.next, Next) and advice.next.value


def test_the_table_has_all_that_the_reference_lists_for_these_operations() -> None:
    reference = json.loads((REPOSITORY / "tests/spec/api.json").read_text(encoding="utf-8"))
    prefix = "pims.authentication."
    listed = {
        " ".join(filter(None, (told["method"], told["api"][len(prefix) :], told["operation"]))): set(told["errors"])
        for told in reference["operations"]
        if told["api"].startswith(prefix)
    }
    for operation in Operation:
        if operation not in OURS:
            assert listed[operation.value] <= {code for code, _, _ in caused(operation)}, operation


@pytest.mark.parametrize("code", sorted(libpims.Code))
def test_each_code_of_the_catalogue_is_known_or_never_produced(code: libpims.Code) -> None:
    never = sections("docs/guide-errors.md", "##")["Codes that this version never produces"]
    assert is_known(code) != (f"### {int(code)}\n" in never)


@pytest.mark.parametrize(
    ("code", "info", "operation", "expected"),
    [
        (2308, {"attemptsLeft": 1, "word": "NOK:ACCESS", "nextAction": "retryPin"}, Operation.PASSWORD, Next.ENTER_AGAIN),
        (2308, {"nextAction": "retryPin", "word": "NOK:ACCESS"}, Operation.PASSWORD, Next.SET_UP),
        (2308, {}, Operation.ENROLL, Next.STOP),
        (2308, {"word": "NOK:ACCESS"}, Operation.ENROLL, Next.STOP),
        (2305, {"attemptsLeft": 4}, Operation.SHOW_CODE, Next.ENTER_AGAIN),
        (2305, {"nextAction": "requestSmsCode"}, Operation.SHOW_CODE, Next.NEW_CODE),
        (2204, {"retryAfterSeconds": 1}, Operation.CODE, Next.LATER),
        (2310, {"nextAction": "resetPin"}, Operation.PASSWORD, Next.NEW_PIN),
        (2310, {"retryAfterSeconds": 60, "nextAction": "resetPin"}, Operation.PASSWORD, Next.NEW_PIN),
        (2310, {"retryAfterSeconds": 60}, Operation.ENROLL, Next.LATER),
        (2310, {"nextAction": "removeEnrollments"}, Operation.SHOW_CODE, Next.REMOVE),
        (2310, {"nextAction": "removeDevice"}, Operation.ENROLL, Next.REMOVE_DEVICE),
        (2311, {"nextAction": "requestSmsCode"}, Operation.ENROLL, Next.NEW_CODE),
        (2312, {"nextAction": "requestSmsCode"}, Operation.PASSWORD, Next.SET_UP),
        (2316, {}, Operation.ENROLL, Next.LOOK),
        (2316, {"nextAction": "retryPin"}, Operation.PASSWORD, Next.ENTER_AGAIN),
        (2317, {}, Operation.ENROLL, Next.LOOK),
        (2317, {}, Operation.PASSWORD, Next.FINISH),
        (2317, {"nextAction": "resetPin"}, Operation.PASSWORD, Next.NEW_PIN),
        (2317, {"nextAction": "removeEnrollments"}, Operation.PASSWORD_WITHOUT_PIN, Next.REMOVE),
        (2317, {"word": "NOK:FORBIDDEN", "nextAction": "enroll"}, Operation.PASSWORD, Next.SET_UP),
        (2317, {"word": "NOK:DENIED"}, Operation.PASSWORD, Next.LATER),
        (2999, {}, Operation.PASSWORD, Next.LOOK),
    ],
)
def test_the_info_of_an_error_chooses_the_way(code: int, info: Dict[str, Any], operation: Operation, expected: Next) -> None:
    assert advise(libpims.PimsError(code, "", None, info), operation).next == expected
