"""The example for Home Assistant, as far as it can be checked without Home Assistant: its files,
its translations, and what it uses of this package. `make test-home-assistant` runs it."""

from __future__ import annotations

import ast
import importlib.util
import itertools
import json
import re
import types
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Set, Tuple

import pytest

import libpims
import libpims.aio
from conftest import REPOSITORY

INTEGRATION = REPOSITORY / "examples/home_assistant/custom_components/libpims"
SOURCES = sorted(INTEGRATION.glob("*.py"))
LANGUAGES = sorted((INTEGRATION / "translations").glob("*.json"))

Translations = Dict[str, Any]


def read(file: Path) -> Translations:
    """Returns a JSON file. A member that stands twice is an error, as JSON's last one wins
    silently."""

    def unique(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
        names = [name for name, _ in pairs]
        assert len(names) == len(set(names)), f"{file.name}: a member stands twice"
        return dict(pairs)

    content: Translations = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=unique)
    return content


STRINGS = read(INTEGRATION / "strings.json")


def texts(value: Any, place: str = "") -> Iterator[Tuple[str, str]]:
    """Yields each text of the translations with its place."""
    if isinstance(value, str):
        yield place, value
        return
    for name, member in value.items():
        yield from texts(member, f"{place}.{name}")


def trees() -> Iterator[ast.AST]:
    for source in SOURCES:
        yield ast.parse(source.read_text(encoding="utf-8"), source.name)


def nodes(kind: Any) -> Iterator[Any]:
    for tree in trees():
        yield from (node for node in ast.walk(tree) if isinstance(node, kind))


def text(node: Any) -> Set[str]:
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def errors() -> types.ModuleType:
    """The module that needs this package alone."""
    spec = importlib.util.spec_from_file_location("home_assistant_errors", INTEGRATION / "errors.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_file_is_well_formed() -> None:
    assert len(SOURCES) > 5 and [file.stem for file in LANGUAGES] == ["en", "fr"]
    for source in SOURCES:
        compile(source.read_text(encoding="utf-8"), source.name, "exec")
    manifest = read(INTEGRATION / "manifest.json")
    assert manifest["domain"] == INTEGRATION.name and manifest["config_flow"] is True
    # Home Assistant wants the domain and the name first, and the rest sorted.
    assert list(manifest) == ["domain", "name", *sorted(set(manifest) - {"domain", "name"})]
    assert set(read(INTEGRATION / "icons.json")["services"]) == set(STRINGS["services"])


def test_every_language_has_every_sentence_with_its_placeholders() -> None:
    assert read(INTEGRATION / "translations/en.json") == STRINGS
    english = dict(texts(STRINGS))
    for language in LANGUAGES:
        other = dict(texts(read(language)))
        assert set(other) == set(english), language.name
        for place, sentence in english.items():
            assert other[place].strip(), (language.name, place)
            assert set(re.findall(r"{\w+}", other[place])) == set(re.findall(r"{\w+}", sentence)), (language.name, place)


def test_every_sentence_that_the_code_names_is_there() -> None:
    config = STRINGS["config"]
    named: Dict[str, Set[str]] = {"errors": set(), "exceptions": set(), "steps": set(), "options": set(), "aborts": set()}
    for node in nodes(ast.Assign):
        if (
            isinstance(node.targets[0], ast.Subscript)
            and isinstance(node.targets[0].value, ast.Name)
            and node.targets[0].value.id == "errors"
        ):
            named["errors"] |= text(node.value)
    for node in nodes(ast.Call):
        function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        if function in ("_form", "_menu", "_enroll", "_begin"):
            named["steps"] |= text(node.args[0])
        if function == "AbortFlow":
            named["aborts"] |= text(node.args[0])
        if "translation_key" in keywords and "translation_domain" in keywords:
            named["exceptions"] |= text(keywords["translation_key"])
    for node in nodes(ast.AsyncFunctionDef):
        if node.name.startswith("async_step_") and node.name not in ("async_step_init", "async_step_reauth"):
            named["steps"].add(node.name[len("async_step_") :])

    ours = errors().KEYS
    assert named["errors"] | ours == set(config["error"])
    assert named["exceptions"] | ours == set(STRINGS["exceptions"])
    assert named["steps"] == set(config["step"])
    assert named["aborts"] <= set(config["abort"])
    for step in config["step"].values():
        assert set(step.get("menu_options", {})) <= set(config["step"])


def test_the_action_has_the_fields_of_its_description() -> None:
    # Two levels of indentation tell the actions from their fields; Home Assistant's loader reads
    # the file in its own tests.
    lines = (INTEGRATION / "services.yaml").read_text(encoding="utf-8").splitlines()
    actions = {line.rstrip(":") for line in lines if re.fullmatch(r"\w+:", line)}
    fields = {line.strip().rstrip(":") for line in lines if re.fullmatch(r" {4}\w+:", line)}
    assert actions == set(STRINGS["services"]) == {"one_time_password"}
    assert fields == set(STRINGS["services"]["one_time_password"]["fields"])


def test_every_error_of_the_library_has_a_sentence() -> None:
    module = errors()
    sentence: Callable[[libpims.PimsError], Any] = module.sentence
    labels = ["inwebo: access refused", *(f"Invalid {name} parameter" for name in (*module.FORMS, "other"))]
    infos = [
        {key: value for key, value in zip(("nextAction", "attemptsLeft", "retryAfterSeconds", "word"), values) if value is not None}
        for values in itertools.product((None, *libpims.NextAction, "laterStep"), (None, 0, 4), (None, 3600), (None, "NOK:X"))
    ]
    told = {
        sentence(libpims.PimsError(code, label, "detail", info)).key for code in (*libpims.Code, 2999) for label in labels for info in infos
    }
    # Nothing else is told, and no sentence stands there in vain.
    assert told == module.KEYS
    placeholders = set(sentence(libpims.PimsError(2000, "")).placeholders)
    for key in module.KEYS:
        assert set(re.findall(r"{(\w+)}", STRINGS["exceptions"][key]["message"])) <= placeholders


@pytest.mark.parametrize(
    ("code", "info", "key"),
    [
        (2305, {"attemptsLeft": 4}, "code_wrong"),
        (2305, {"attemptsLeft": 0, "nextAction": "requestSmsCode"}, "code_used"),
        (2305, {"nextAction": "requestSmsCode"}, "code_used"),
        (2308, {"attemptsLeft": 4, "nextAction": "retryPin"}, "pin_wrong"),
        (2308, {"nextAction": "retryPin"}, "pin_of_account"),
        (2308, {"word": "NOK:ACCESS"}, "refused"),
        (2308, {}, "wrong_service"),
        (2310, {"nextAction": "resetPin"}, "pin_blocked"),
        (2310, {"nextAction": "removeEnrollments"}, "account_blocked"),
        (2310, {"retryAfterSeconds": 61}, "pin_blocked"),
        (2311, {"nextAction": "requestSmsCode"}, "code_used"),
        (2311, {"nextAction": "resetPin"}, "pin_blocked"),
        (2317, {}, "already_enrolled"),
        (2317, {"word": "NOK:FORBIDDEN"}, "not_now"),
        (2317, {"word": "NOK:FORBIDDEN", "nextAction": "enroll"}, "enroll_again"),
        (2204, {"retryAfterSeconds": 61}, "wait"),
        (2204, {}, "service_failed"),
    ],
)
def test_a_code_with_several_meanings_has_the_sentence_of_its_meaning(code: int, info: Dict[str, Any], key: str) -> None:
    told = errors().sentence(libpims.PimsError(code, "label", "detail", info))
    assert told.key == key
    assert told.placeholders["minutes"] == ("2" if "retryAfterSeconds" in info else "?")
    assert told.placeholders["detail"] == ""


def test_what_the_integration_uses_of_this_package_exists() -> None:
    used = {"libpims": 0, "device": 0}
    for node in nodes(ast.Attribute):
        place = ast.unparse(node.value)
        if place in ("libpims", "libpims.aio", "libpims.Code", "libpims.AccountState", "libpims.EnrollmentStatus", "libpims.aio.Session"):
            used["libpims"] += 1
            assert hasattr(eval(place, {"libpims": libpims}), node.attr), f"{place}.{node.attr}"
        elif place.split(".")[-1] in ("device", "_device"):
            used["device"] += 1
            assert hasattr(libpims.aio.Session, node.attr), f"{place}.{node.attr}"
    for node in nodes(ast.ImportFrom):
        if node.module == "libpims":
            assert all(hasattr(libpims, name.name) for name in node.names)
    assert min(used.values()) > 5, used
