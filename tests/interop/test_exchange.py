"""Tests that exchange.py computes the values of the recorded exchanges of a public client. The
other tests rely on that."""

import json
import pathlib
import unittest
import urllib.parse
import xml.etree.ElementTree as ElementTree

import exchange

VECTORS = pathlib.Path(__file__).parent.parent.parent / "crates/inwebo/tests/vectors/inwebo-mac.json"


def recorded():
    return json.loads(VECTORS.read_text())["cases"]


def children(text):
    return {child.tag: child.text or "" for child in ElementTree.fromstring(text)}


def parameters(query):
    return dict(urllib.parse.parse_qsl(query, keep_blank_values=True))


class RecordedExchanges(unittest.TestCase):
    def test_the_pins_key_the_secret_and_the_passwords_are_the_recorded_ones(self):
        for case in recorded():
            with self.subTest(case["name"]):
                key = exchange.kma(case["pin"], case["serial"])
                self.assertEqual(key.hex(), case["kma"])
                secret = exchange.encrypt_block(key, bytes.fromhex(case["serviceSecretRandom"])).hex()
                self.assertEqual(secret, case["secval"])
                self.assertEqual(exchange.evolve(case["K1"], case["dK1"]), case["K1_after_dK1"])
                for made in case["otp"]:
                    self.assertEqual(exchange.password(made["K1"], made["defi"], secret), made["code"])

    def test_the_keys_of_the_answers_are_the_recorded_ones(self):
        for case in recorded():
            with self.subTest(case["name"]):
                setup, finalized = (children(case["exchanges"][place]["response"]) for place in (0, 1))
                factory = int(setup["Kfact"], 16)
                self.assertEqual(factory, int(case["factoryModulus"], 16))
                self.assertEqual(exchange.unseal(factory, setup["Kiw"]), int(case["deviceModulus"], 16))
                self.assertEqual(exchange.unseal(factory, finalized["ms_key"]), int(case["msModulus"], 16))
                key = exchange.kma(case["pin"], case["serial"])
                for name in ("K0", "K1"):
                    self.assertEqual(exchange.decrypt_block(key, bytes.fromhex(finalized[name])).hex(), case[name])

    def test_the_proofs_are_the_recorded_ones(self):
        for case in recorded():
            with self.subTest(case["name"]):
                *_, activated, registered = (children(each["response"]) for each in case["exchanges"][:3])
                self.assertEqual(registered, {"err": "OK"})
                sent = [parameters(each["request"]) for each in case["exchanges"]]
                empty = {"R0": exchange.proof("", "", case["serial"]), "R1": exchange.proof("", "", "")}
                self.assertLessEqual({**empty, "R2": empty["R1"]}.items(), sent[1].items())
                last = {"R0": case["serial"], "R1": case["K1"], "R2": case["pin"]}
                for name, value in last.items():
                    self.assertEqual(sent[2][name], exchange.proof(activated["challenge"], case["K0"], value), name)

    def test_what_a_key_seals_opens_under_its_modulus_and_what_is_encrypted_to_it_opens_under_it(self):
        factory = exchange.Key(1024)
        for bits in (1024, 2048):
            key = exchange.Key(bits)
            self.assertEqual(key.modulus.bit_length(), bits)
            self.assertEqual(exchange.unseal(factory.modulus, factory.seal(key.modulus)), key.modulus)
            self.assertEqual(key.decrypt(exchange.encrypt_to(key.modulus, b"1234")), b"1234")
            with self.assertRaises(ValueError):
                factory.decrypt(exchange.encrypt_to(key.modulus, b"1234"))
            with self.assertRaises(ValueError):
                exchange.unseal(key.modulus, factory.seal(key.modulus))
