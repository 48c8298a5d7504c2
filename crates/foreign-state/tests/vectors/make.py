#!/usr/bin/env python3
"""Writes the state files of this folder. Run it here; the files are committed.

The classes are our own. They have the names and the members that docs/enrollment-format.md lists,
and none of the behaviour of a client.
"""

from __future__ import annotations

import base64
import hashlib
import json
import pathlib
import pickle
import sys
import types

HERE = pathlib.Path(__file__).parent


def digest(name: str, length: int) -> str:
    """Returns hex of `length` bytes that depend on a name alone."""
    return b"".join(hashlib.sha256(f"{name} {count}".encode()).digest() for count in range(-(-length // 32)))[:length].hex()


def modulus(name: str) -> str:
    """Returns an odd number of 1024 bits in hex."""
    return "c" + digest(name, 128)[1:-1] + "1"


MAC_ID = digest("mac id", 16)
DEVICE_ID = "0f8c6a1e-52d3-4b"
ALEA = digest("alea", 16)
ID = "a" + digest("id", 8)[1:]
K0, K1, SECVAL = digest("k0", 16), digest("k1", 16), digest("secval", 16)
SERVICE = "4012"
LAST_SYNC = "1764000000"
FACTORY, DEVICE_KEY = modulus("factory"), modulus("device")


def class_of(module: str, name: str) -> type:
    """Returns a class that a pickle names `module.name`."""
    parent = ""
    for part in module.split("."):
        parent = f"{parent}.{part}" if parent else part
        sys.modules.setdefault(parent, types.ModuleType(parent))
    made = type(name, (), {"__module__": module})
    setattr(sys.modules[module], name, made)
    return made


def instance(cls: type, **members: object) -> object:
    made = cls()
    made.__dict__.update(members)
    return made


def otp(module: str) -> object:
    """Returns an activated device. `data` leads back to it: the graph has a cycle."""
    data = instance(
        class_of(module, "IWData"),
        iwid=ID,
        iwK0=K0,
        iwK1=K1,
        iwsecval=SECVAL,
        iwsecid=SERVICE,
        iwTsync=LAST_SYNC,
        iwalea="",
        iwsecn=1,
        iwsrvid="",
        kfact=modulus("built in"),
        parsed=instance(class_of(module, "Tokenizer"), text="", offset=0, parts=["a", "b"], last=None),
    )
    root = instance(
        class_of(module, "Otp"),
        device_id=DEVICE_ID,
        iwalea=ALEA,
        codepin="4711",
        smsCode="abc123",
        macid=MAC_ID,
        Kfact=FACTORY,
        Kiw=DEVICE_KEY,
        action="synchro",
        mode="otp",
        challenge="",
        defi="",
        pinmode=1,
        is_activated=True,
        offset=-1,
        options={},
        data=data,
    )
    data.IW = root
    return root


def renamed(module: str) -> object:
    data = instance(
        class_of(module, "IWData"),
        device_id=ID,
        master_key_0=K0,
        master_key_1=K1,
        secret_ids=SERVICE,
        secret_values=SECVAL,
        last_sync_timestamp=int(LAST_SYNC),
    )
    return instance(
        class_of(module, "InweboOTP"),
        device_id=DEVICE_ID,
        device_alea=ALEA,
        pin_code="4711",
        factory_key=FACTORY,
        rsa_modulus_hex=DEVICE_KEY,
        mac_id=MAC_ID,
        iw_data=data,
    )


def main() -> None:
    for protocol in range(2, 6):
        (HERE / f"python-{protocol}.pickle").write_bytes(pickle.dumps(otp("client.psa.otp.otp"), protocol))
    (HERE / "python-renamed.pickle").write_bytes(pickle.dumps(renamed("another_client.otp"), 4))
    packed = base64.encodebytes(pickle.dumps(otp("otp_vendor.otp"), 4))
    (HERE / "python-base64.txt").write_bytes(packed)
    homey = {
        "device_id": DEVICE_ID,
        "iwalea": ALEA,
        "codepin": "4711",
        "macid": MAC_ID,
        "Kfact": FACTORY,
        "Kiw": DEVICE_KEY,
        "data": {
            "iwid": ID,
            "iwK0": K0,
            "iwK1": K1,
            "iwsecval": SECVAL,
            "iwsecid": int(SERVICE),
            "iwTsync": int(LAST_SYNC),
        },
    }
    e3008 = {
        "deviceId": DEVICE_ID,
        "iwalea": ALEA,
        "codePin": "4711",
        "iwid": ID,
        "iwK0": K0,
        "iwK1": K1,
        "iwsecval": SECVAL,
        "iwsecid": SERVICE,
        "iwsecn": 1,
        "iwTsync": int(LAST_SYNC),
        "Kfact": FACTORY,
        "Kiw": DEVICE_KEY,
    }
    kotlin = {
        "dev": DEVICE_ID,
        "alea": ALEA,
        "iwid": ID,
        "k0": K0,
        "k1": K1,
        "sval": SECVAL,
        "sid": SERVICE,
        "ts": LAST_SYNC,
        "pin": "4711",
    }
    neutral = {
        "format": "pims-enrollment",
        "version": 1,
        "macID": MAC_ID,
        "serial": f"{DEVICE_ID}/_/{ALEA}",
        "id": ID,
        "service": SERVICE,
        "lastSync": LAST_SYNC,
        "factoryKey": FACTORY,
        "k0": K0,
        "k1": K1,
        "serviceSecret": SECVAL,
    }
    for name, state in {"homey": homey, "e3008": e3008, "kotlin": kotlin, "pims": neutral}.items():
        (HERE / f"{name}.json").write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
