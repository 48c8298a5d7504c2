#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets: one folder a target, one file a seed.

    tools/fuzz-seeds.py FOLDER

The seeds come from data of the tests: the recorded exchanges, the suite of all languages, the
device records of an earlier release, and the example of the service's configuration.
"""

import hashlib
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The calls of crates/fuzz-properties/src/ffi_calls.rs, by the number that chooses them.
CALLS = {"init": 0, "get": 2, "set": 4, "subscribe": 6, "unsubscribe": 7}
APIS = re.findall(r'^    "([^"]*)",$', (ROOT / "crates/fuzz-properties/src/ffi_calls.rs").read_text(encoding="utf-8"), re.MULTILINE)
FREE = 0x80

# The list of the account's devices, in both of its forms.
DEVICE_LISTS = (
    b"<ActionFinalize><err>OK</err><device><id>a8f3c1d0</id><name>Phone</name><since>1</since><used>2</used>"
    b"<keystore>hardware</keystore><self>1</self></device><device><id>b20917ee</id><name>x</name><since>3</since></device></ActionFinalize>",
    b'{"devices":[{"id":"a8f3c1d0","name":"Phone","since":1,"used":2,"keystore":"hardware"},{"id":"b20917ee","name":"x","since":3}]}',
)

# The notices of the account, and the states of an approval.
NEWS = tuple(
    b"<ActionFinalize><err>OK</err>" + children + b"</ActionFinalize>"
    for children in (
        b"<notice><number>5</number><event>newDevice</event><at>1</at><device>a8f3c1d0</device><name>x</name></notice>"
        b"<notice><number>6</number><event>reset</event><at>2</at></notice><more>1</more>",
        b"<state>asked</state><device>a8f3c1d0</device><name>x</name><since>1</since><lifetime>240</lifetime>",
        b"<state>waiting</state><lifetime>240</lifetime>",
        b"<state>approved</state>",
        b"<id>a8f3c1d0</id><confirmed>0</confirmed><approval>1</approval><lifetime>300</lifetime>",
    )
)


def steps() -> "list[list[dict[str, object]]]":
    """Returns the cases of the suite of all languages, each a list of calls with text
    parameters."""
    suite = json.loads((ROOT / "tests/conformance/suite.json").read_text(encoding="utf-8"))
    cases = []
    for case in suite["cases"]:
        cases.append([step for step in case["steps"] if step.get("call") in (*CALLS, "free")])
    return cases


def text_of(step: "dict[str, object]") -> str:
    parameters = step.get("parameters", {})
    return parameters if isinstance(parameters, str) else json.dumps(parameters)


def seeds() -> "dict[str, list[bytes]]":
    exchanges = [
        exchange
        for case in json.loads((ROOT / "crates/inwebo/tests/vectors/inwebo-mac.json").read_text(encoding="utf-8"))["cases"]
        for exchange in case["exchanges"]
    ]
    calls = steps()
    inits = [text_of(step) for case in calls for step in case if step["call"] == "init"]
    others = [text_of(step) for case in calls for step in case if step["call"] in ("get", "set", "subscribe")]
    sequences = []
    for case in calls:
        sequence = b""
        for step in case:
            if step["call"] == "free":
                # The facade ends with the call before.
                sequence += bytes([CALLS["get"] | FREE, 0, 0])
                continue
            text = text_of(step).encode()[:255]
            api = str(step.get("api", ""))
            number = APIS.index(api) if api in APIS else len(APIS) - 1
            sequence += bytes([CALLS[str(step["call"])], number, len(text)]) + text
        sequences.append(sequence)
    toml = (ROOT / "deploy/pims-authority.toml").read_bytes()
    states = [path for path in sorted((ROOT / "crates/foreign-state/tests/vectors").iterdir()) if path.suffix != ".py"]
    records = [json.dumps(record).encode() for record in example_records()]
    return {
        "params": [text.encode() for text in others],
        "config": [text.encode() for text in inits],
        "answer_xml": [*[exchange["response"].encode() for exchange in exchanges], *DEVICE_LISTS, *NEWS],
        "mac_query": [exchange["request"].encode() for exchange in exchanges],
        "foreign_state": [bytes([number]) + path.read_bytes() for path in states for number in range(6)],
        "record_decode": records,
        "sealed_open": [b"PIMSREC1" + bytes(24) + b"x" * 40, b"PIMSREC2", b"", *records],
        "server_config": [toml, *(toml[: len(toml) * part // 4] for part in (1, 2, 3)), toml + b"\x018"],
        "ffi_calls": sequences,
    }


def example_records() -> "list[dict[str, object]]":
    """Returns records in the form of `src/strongauth/record.rs`, of each version."""
    case = json.loads((ROOT / "crates/inwebo/tests/vectors/inwebo-mac.json").read_text(encoding="utf-8"))["cases"][0]
    device = {
        "id": case["iwid"],
        "serial": case["serial"],
        "lastSync": "0",
        "service": case["serviceId"],
        "factory": case["factoryModulus"],
        "k0": case["K0"],
        "k1UnderKma": case["K1"],
        "secretUnderKma": case["secval"],
    }
    activation = {
        "code": case["smsCode"],
        "phone": "+33612345678",
        "factory": case["factoryModulus"],
        "deviceKey": case["deviceModulus"],
        "pinMode": 2,
        "expiresAt": 1_700_000_000_000,
        "lifetime": 600,
        "finalizing": False,
    }
    empty: "dict[str, object]" = dict.fromkeys(("serial", "device", "standing", "activation", "intent", "block"))
    names = re.findall(r"^    (\w+),$", source_of_enum("Standing"), re.MULTILINE)
    standings = [name[0].lower() + name[1:] for name in names]
    records = []
    for number in (1, 2, 3):
        begin = {"format": number, "account": "alice", **empty}
        records += [begin, {**begin, "serial": case["serial"], "activation": activation}]
        records += [{**begin, "device": device, "standing": standing} for standing in standings]
        records += [{**begin, "device": device, "standing": "active", "lastNotice": 7}]
        records += [{**begin, "enrollmentTicket": "AAAAAAAAAAAAAAAAAAAAAA", "certificationTicket": "b"}]
    return records


def source_of_enum(name: str) -> str:
    source = (ROOT / "src/strongauth/record.rs").read_text(encoding="utf-8")
    return source.split(f"enum {name} {{")[1].split("\n}")[0]


def main(folder: Path) -> None:
    for target, contents in seeds().items():
        if not contents:
            sys.exit(f"no seeds for {target}")
        place = folder / target
        place.mkdir(parents=True, exist_ok=True)
        for content in contents:
            (place / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)
        print(f"{target}: {len(list(place.iterdir()))} seeds")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
