#!/usr/bin/env python3
"""Checks that a file is CycloneDX 1.5, by the schema of cyclonedx-python-lib, and is complete in
itself:

    tools/check-sbom.py KIND FILE          # a kind of tools/sbom.py
"""

import json
import pathlib
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

# Packages that each kind needs, and those that tests and builds alone use.
COMMON = {"authority", "chacha20poly1305", "crypto-bigint", "inwebo", "ring", "rustls", "serde_json", "sqlite"}
NEEDED = {
    "library": COMMON,
    "program": COMMON | {"clap", "pims"},
    "service": COMMON | {"aws-lc", "axum", "tokio-postgres", "tokio"},
    "jni": COMMON | {"jni", "pims"},
    "node": COMMON | {"napi", "pims"},
}
FOREIGN = {"cbindgen", "cc", "proptest", "serde_derive", "tempfile"}


def main(kind, path):
    text = pathlib.Path(path).read_text()
    validator = JsonStrictValidator(SchemaVersion.V1_5)
    check_validator(validator, text)
    error = validator.validate_str(text)
    expect(error is None, f"it is no CycloneDX 1.5: {error}")
    bom = json.loads(text)
    names = {component["name"] for component in bom["components"]}
    expect(NEEDED[kind] <= names, f"it lacks {NEEDED[kind] - names}")
    expect(not FOREIGN & names, f"it has what is not in the library: {FOREIGN & names}")
    references = {component["bom-ref"] for component in bom["components"]} | {bom["metadata"]["component"]["bom-ref"]}
    named = {entry["ref"] for entry in bom["dependencies"]}
    used = {other for entry in bom["dependencies"] for other in entry["dependsOn"]}
    expect(named == references and used <= references, "its dependencies do not match its components")
    for component in bom["components"]:
        expect("licenses" in component, f"{component['name']} has no licence")
        expect("hashes" in component or component["purl"].startswith("pkg:generic/"), f"{component['name']} has no checksum")
    print(f"{kind}: {len(names)} components, valid CycloneDX 1.5")


def check_validator(validator, text):
    """Checks the check: a validator that accepts everything would prove nothing."""
    spoiled = json.loads(text)
    spoiled["components"][0]["type"] = "no such type"
    expect(validator.validate_str(json.dumps(spoiled)) is not None, "the validator takes what is wrong")


def expect(holds, otherwise):
    if not holds:
        sys.exit(f"{sys.argv[2]}: {otherwise}")


if __name__ == "__main__":
    main(*sys.argv[1:])
