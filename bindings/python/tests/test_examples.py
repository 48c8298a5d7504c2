"""The programs of the documentation run."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

import pytest

import libpims
from conftest import DEADLINE, PHONE_NUMBER, PIN, REPOSITORY


def blocks(page: str) -> "list[str]":
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def code_in(outbox: Path) -> str:
    deadline = time.monotonic() + DEADLINE
    while not (outbox.exists() and outbox.read_text(encoding="utf-8").endswith("\n")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    code: str = json.loads(outbox.read_text(encoding="utf-8").splitlines()[-1])["code"]
    return code


def quickstart(folder: Path, *answers: Callable[[], str]) -> "Tuple[int, str]":
    (program,) = blocks("docs/quickstart-python.md")
    assert len(program.splitlines()) < 30
    # Without a terminal, getpass reads the piped input.
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        for answer in answers:
            process.stdin.write(answer() + "\n")
            process.stdin.flush()
        process.stdin.close()
        return process.wait(DEADLINE), process.stdout.read()


def test_the_quickstart_enrolls_and_makes_passwords(tmp_path: Path) -> None:
    def code() -> str:
        return code_in(tmp_path / "pims-state/sms-outbox.jsonl")

    status, told = quickstart(tmp_path, lambda: PIN, code, lambda: PIN)
    assert status == 0 and re.search(r"One-time password: [0-9a-z]{1,8}\n", told)
    status, told = quickstart(tmp_path, lambda: PIN)
    assert status == 0 and re.search(r"One-time password: [0-9a-z]{1,8}\n", told)
    status, told = quickstart(tmp_path, lambda: "9999")
    assert status == 0 and told.endswith("2308 inwebo: access refused: the PIN is wrong, or this is not the device Tries left: 4\n")


def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    found = blocks("bindings/python/README.md")
    assert len(found) >= 3
    program = "\n".join(found)
    ended = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=DEADLINE)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "2317" in ended.stdout and "{'isDeviceActivated': True}" in ended.stdout


class Host:
    """The host's secret store as the module keyring, and the input of a user."""

    def __init__(self) -> None:
        self.secrets: Dict[Tuple[str, str], str] = {}

    def get_password(self, service: str, account: str) -> Optional[str]:
        return self.secrets.get((service, account))

    def set_password(self, service: str, account: str, value: str) -> None:
        self.secrets[service, account] = value

    def secret(self, name: str) -> str:
        return next(value for (service, _), value in self.secrets.items() if service == f"pims {name}")

    def replace(self, name: str, value: str) -> None:
        key = next(key for key in self.secrets if key[0] == f"pims {name}")
        self.secrets[key] = value


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    host = Host()
    monkeypatch.setitem(sys.modules, "keyring", host)
    yield host


def example() -> types.ModuleType:
    path = Path(__file__).resolve().parents[1] / "examples/home_automation_otp.py"
    spec = importlib.util.spec_from_file_location("home_automation_otp", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answer(module: Any, monkeypatch: pytest.MonkeyPatch, code: Callable[[], str]) -> None:
    monkeypatch.setattr(module, "getpass", lambda _: PIN)
    monkeypatch.setattr("builtins.input", lambda _: code())


def test_the_integration_keeps_its_secrets_in_the_hosts_store_and_tries_a_refused_pin_once(
    tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = example()
    answer(module, monkeypatch, lambda: code_in(tmp_path / "sms-outbox.jsonl"))

    def run(*arguments: str) -> int:
        status: int = asyncio.run(module.run(list(arguments)))
        return status

    assert run("enroll", str(tmp_path), PHONE_NUMBER) == 0
    assert host.secret("pin") == PIN
    assert run("otp", str(tmp_path)) == 0
    assert re.fullmatch(r"[0-9a-z]{1,8}\n", capsys.readouterr().out)

    # No key is in the state's folder, and the state does not open without the key of the store.
    assert not (tmp_path / "storage.key").exists()
    with pytest.raises(libpims.PimsError, match="2006"):
        libpims.init({"storage": {"path": tmp_path}})

    # A wrong PIN in the store costs one attempt, no matter how often the integration asks.
    host.replace("pin", "9999")
    assert [run("otp", str(tmp_path)) for _ in range(10)] == [1] * 10
    told = capsys.readouterr().err
    assert told.count("2308") == 1 and told.count("was refused") == 9
    host.replace("pin", PIN)
    assert run("otp", str(tmp_path)) == 0
    assert run("sing", str(tmp_path)) == 2


@pytest.fixture
def development_service(tmp_path: Path) -> Iterator[Tuple[Path, str]]:
    """Runs `pims-authority serve --dev`. Yields its folder and its address."""
    program = os.environ.get("PIMS_AUTHORITY")
    if program is None:
        pytest.skip("PIMS_AUTHORITY does not name the program pims-authority")
    folder = tmp_path / "service"
    process = subprocess.Popen([program, "serve", "--dev", "--port", "0", "--folder", str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = next(line.split()[1] for line in process.stdout if line.lstrip().startswith("service "))
        yield folder, address
    finally:
        process.terminate()
        process.wait(DEADLINE)
        assert process.stdout is not None
        process.stdout.close()


def test_the_integration_works_with_a_service_over_https(
    tmp_path: Path,
    host: Host,
    development_service: Tuple[Path, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    service, address = development_service
    state = tmp_path / "state"
    state.mkdir()
    credential = {
        "inWeboURL": address,
        "macID": "0123456789abcdef0123456789abcdef",
        "clientId": "demo",
        "clientSecret": "demo",
        "caFile": str(service / "certificate.pem"),
    }
    configuration = {"credential": credential, "account": {"username": "demo"}}
    (state / "service.json").write_text(json.dumps(configuration), encoding="utf-8")
    token = (service / "demo.token").read_text(encoding="utf-8").strip()
    host.set_password("pims access token", str(state.resolve()), token)

    module = example()
    answer(module, monkeypatch, lambda: code_in(service / "sms-outbox.jsonl"))
    assert asyncio.run(module.run(["enroll", str(state), PHONE_NUMBER])) == 0
    assert asyncio.run(module.run(["otp", str(state)])) == 0
    assert re.fullmatch(r"[0-9a-z]{1,8}\n", capsys.readouterr().out)
    # The service answered, not the embedded authority, and no file holds a secret of the store.
    assert not (state / "authority.db").exists()
    for file in state.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert all(secret.encode() not in content for secret in (host.secret("storage key"), token))
