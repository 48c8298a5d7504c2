"""The independent device against the real service, over HTTPS and over plain HTTP, with device keys
of 1024 and of 2048 bits."""

import re
import unittest
import urllib.error

import exchange
from authority import Authority
from inwebo import Device, Refused
from test_exchange import children, parameters, recorded

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'


class Stories:
    """The tests of the classes below. Each class configures a service in one way."""

    tls = True
    bits = 2048

    @classmethod
    def setUpClass(cls):
        rules = f"evolve_k1_every = 3\notp_without_pin = true\ndevice_key_bits = {cls.bits}"
        cls.authority = Authority(cls.tls, rules)
        cls.addClassCleanup(cls.authority.stop)

    def setUp(self):
        self.account = self.authority.account()

    def device(self, pin="1234"):
        device = Device(self.authority.service())
        device.activate(self.account.code(), pin)
        return device

    def assert_refused(self, word, call, *arguments):
        with self.assertRaises(Refused) as refused:
            call(*arguments)
        self.assertEqual(refused.exception.word, word)
        return refused.exception.answer

    def assert_works(self, device, pin):
        """Asserts that a password is accepted once, and for its own account only."""
        made = device.otp(pin)
        self.assertRegex(made, "^[a-z0-9]{1,8}$")
        self.assertFalse(self.authority.stranger().accepts(made))
        self.assertTrue(self.account.accepts(made))
        self.assertFalse(self.account.accepts(made))

    def test_the_url_says_how_it_is_reached(self):
        self.assertTrue(self.authority.url.startswith("https://" if self.tls else "http://"))

    def test_the_device_key_has_the_size_that_was_set(self):
        exchanges = self.device().service.exchanges
        setup, finalized = children(exchanges[0].text), children(exchanges[1].text)
        factory = int(setup["Kfact"], 16)
        self.assertEqual(factory.bit_length(), 1024)
        for sealed in (setup["Kiw"], finalized["ms_key"]):
            self.assertEqual(exchange.unseal(factory, sealed).bit_length(), self.bits)

    def test_a_device_enrolls_and_its_passwords_are_right_once(self):
        device = Device(self.authority.service())
        # 2: the PIN of the account is to be chosen.
        self.assertEqual(device.activate(self.account.code(), "1234"), "2")
        self.assertEqual(device.status(), "OK")
        self.assert_works(device, "1234")
        self.assertFalse(self.account.accepts("a"))

    def test_a_code_is_good_for_one_device(self):
        code = self.account.code()
        Device(self.authority.service()).activate(code, "1234")
        self.assert_refused("NOK:CODE", Device(self.authority.service()).activate, code, "1234")

    def test_a_second_device_enrolls_with_the_pin_of_the_account(self):
        first = self.device()
        second = Device(self.authority.service())
        code = self.account.code()
        self.assertEqual(self.assert_refused("NOK:ACCESS", second.activate, code, "4321")["attemptsLeft"], "4")
        # 1: the PIN that the account has.
        self.assertEqual(second.activate(code, "1234"), "1")
        self.assertNotEqual(first.id, second.id)
        self.assert_works(first, "1234")
        self.assert_works(second, "1234")

    def test_k1_evolves_and_the_passwords_stay_right(self):
        device = self.device()
        before = device.open_k1("1234")
        for _ in range(7):
            self.assert_works(device, "1234")
        # After every third one.
        self.assertEqual(device.evolutions, 2)
        self.assertNotEqual(device.open_k1("1234"), before)

    def test_a_password_without_the_pin_is_made_with_k0(self):
        device = self.device()
        made = device.otp_without_pin()
        self.assertTrue(self.account.accepts(made))
        self.assertFalse(self.account.accepts(made))

    def test_a_wrong_pin_is_counted_and_a_right_one_forgets_it(self):
        device = self.device()
        self.assertEqual(self.assert_refused("NOK:ACCESS", device.otp, "4321")["attemptsLeft"], "4")
        self.assertEqual(self.assert_refused("NOK:ACCESS", device.otp, "4321")["attemptsLeft"], "3")
        self.assert_works(device, "1234")
        self.assertEqual(self.assert_refused("NOK:ACCESS", device.otp, "4321")["attemptsLeft"], "4")

    def test_the_last_wrong_pin_blocks_until_a_reset(self):
        device = self.device()
        for _ in range(4):
            self.assert_refused("NOK:ACCESS", device.otp, "4321")
        self.assert_refused("NOK:NOK_BLOCKED", device.otp, "4321")
        self.assert_refused("NOK:NOK_BLOCKED", device.otp, "1234")
        self.assertEqual(device.status(), "NOK:NOK_BLOCKED")
        device.reset_pin(self.account.code("resetPIN"), "9753")
        device.synchronize("9753")
        self.assertEqual(device.status(), "OK")
        self.assert_works(device, "9753")

    def test_a_new_pin_counts_after_the_synchronization(self):
        device = self.device()
        device.change_pin("1234", "97531")
        self.assert_refused("NOK:ACCESS", device.otp, "1234")
        # The PIN is right; K1 is hidden under the old one.
        self.assert_refused("NOK:DESYNCHRONIZED", device.otp, "97531")
        device.synchronize("97531")
        self.assert_works(device, "97531")

    def test_another_device_follows_a_new_pin_by_synchronizing(self):
        first, second = self.device(), self.device()
        first.change_pin("1234", "97531")
        first.synchronize("97531")
        self.assert_refused("NOK:ACCESS", second.otp, "1234")
        self.assert_refused("NOK:DESYNCHRONIZED", second.otp, "97531")
        second.synchronize("97531")
        self.assert_works(first, "97531")
        self.assert_works(second, "97531")

    def test_the_same_pin_again_and_a_bad_one_are_refused(self):
        device = self.device()
        self.assert_refused("NOK:PINREUSED", device.change_pin, "1234", "1234")
        self.assert_refused("NOK:PINREFUSED", device.change_pin, "1234", "12a4")
        self.assert_refused("NOK:ACCESS", device.change_pin, "4321", "9753")
        self.assert_works(device, "1234")

    def test_a_reset_needs_its_code(self):
        device = self.device()
        self.account.code("resetPIN")
        # A code in another form than this service's codes.
        self.assert_refused("NOK:CODE", device.reset_pin, "abcdefgh", "9753")
        self.assert_works(device, "1234")

    def test_a_removed_device_is_unknown(self):
        first, second = self.device(), self.device()
        first.remove()
        self.assertEqual(first.status(), "NOK:NODEVICE")
        self.assert_refused("NOK:NODEVICE", first.otp, "1234")
        self.assert_works(second, "1234")
        self.account.cvs("DELETE", "enrollments")
        self.assertEqual(second.status(), "NOK:NODEVICE")

    def test_an_enrollment_outlives_the_service(self):
        device = self.device()
        made = device.otp("1234")
        self.authority.restart()
        device.service.url = self.authority.url
        self.assertTrue(self.account.accepts(made))
        self.assert_works(device, "1234")

    # ---- Form ------------------------------------------------------------------------------------

    def test_requests_and_answers_have_the_names_and_the_order_of_the_recorded_ones(self):
        device = self.device()
        for _ in range(4):
            device.otp("1234")
        case = next(case for case in recorded() if int(case["deviceModulus"], 16).bit_length() == self.bits)
        ours = {kind(each.query, each.text): each for each in device.service.exchanges}
        theirs = {kind(each["request"], each["response"]): each for each in case["exchanges"]}
        self.assertEqual(ours.keys(), theirs.keys())
        for key, expected in theirs.items():
            with self.subTest(key):
                self.assertEqual(list(parameters(ours[key].query)), list(parameters(expected["request"])))
                self.assertEqual(shape(own_removed(ours[key].text)), shape(expected["response"]))

    def test_every_answer_is_one_element_whose_children_have_one_value_each(self):
        device = self.device()
        device.otp("1234")
        device.otp_without_pin()
        device.change_pin("1234", "9753")
        device.synchronize("9753")
        device.reset_pin(self.account.code("resetPIN"), "1234")
        device.synchronize("1234")
        self.assert_refused("NOK:ACCESS", device.otp, "9753")
        device.remove()
        self.assert_refused("NOK:NODEVICE", device.otp, "1234")
        modes = {parameters(each.query)["mode"] for each in device.service.exchanges}
        self.assertEqual(modes, {"activate", "ms", "otp", "password", "reset", "synchro", "remove"})
        for each in device.service.exchanges:
            root = parameters(each.query)["action"]
            self.assertEqual(each.content_type, "text/xml; charset=UTF-8")
            children_of = re.fullmatch(re.escape(DECLARATION) + f"<{root}>(.*)</{root}>", each.text)
            self.assertIsNotNone(children_of, each.text)
            names = re.findall(r"<(\w+)>[^<>\s]+</\1>", children_of[1])
            # Nothing stands between the children, none is empty, and none occurs twice: a client
            # may look them up by name.
            self.assertEqual("".join(re.findall(r"<(?:\w+)>[^<>\s]+</\w+>", children_of[1])), children_of[1])
            self.assertEqual(names[0], "err")
            self.assertEqual(len(names), len(set(names)), names)


def kind(query, text):
    """Returns the parts that distinguish the requests of a recording."""
    return (*(parameters(query)[name] for name in ("action", "mode")), "dK1" in children(text))


def own_removed(text):
    """Returns an answer without the one child that only this service has: it is the last one."""
    return re.sub(r"<lifetime>\d+</lifetime>(?=</ActionSetup>$)", "", text)


def shape(text):
    """Returns an answer with each value replaced by its kind."""
    return re.sub(r">([^<>]+)<", lambda found: f">{value_shape(found[1])}<", text)


def value_shape(value):
    if re.fullmatch(r"\d{1,12}", value):
        return "number"
    if re.fullmatch(r"[0-9a-f]{16,}", value):
        return f"{len(value)} hex digits"
    return value


class OverHttps(Stories, unittest.TestCase):
    pass


class OverHttpsWithKeysOf1024Bits(Stories, unittest.TestCase):
    bits = 1024


class OverPlainHttp(Stories, unittest.TestCase):
    tls = False


class OverPlainHttpWithKeysOf1024Bits(Stories, unittest.TestCase):
    tls = False
    bits = 1024


class Settings(unittest.TestCase):
    def test_a_size_that_keys_cannot_have_is_told_by_its_key(self):
        with self.assertRaises(RuntimeError) as failed:
            Authority(policy="device_key_bits = 1536")
        self.assertIn("policy.device_key_bits: must be 1024 or 2048", str(failed.exception))

    def test_a_device_goes_on_when_the_service_is_set_to_other_keys(self):
        authority = Authority(policy="device_key_bits = 1024")
        self.addCleanup(authority.stop)
        account = authority.account()
        device = Device(authority.service())
        device.activate(account.code(), "1234")
        config = authority.path / "pims-authority.toml"
        config.write_text(config.read_text().replace("device_key_bits = 1024", "device_key_bits = 2048"))
        authority.restart()
        device.service.url = authority.url
        self.assertTrue(account.accepts(device.otp("1234")))
        # The factory key is the same: a device refuses another one.
        device.change_pin("1234", "9753")
        device.synchronize("9753")
        sizes = [exchange.unseal(device.factory, answer["Kiw"]).bit_length() for answer in announced(device)]
        self.assertEqual(sizes, [1024, 2048])
        self.assertTrue(account.accepts(device.otp("9753")))


class WhatActivationsShow(unittest.TestCase):
    """The tests with devices that send no token of the account."""

    def service(self, activation):
        authority = Authority(tls=False, activation=activation)
        self.addCleanup(authority.stop)
        return authority, authority.account()

    def test_a_device_shows_the_ticket_of_its_code(self):
        authority, account = self.service("ticket")
        code, ticket = account.code_with_ticket()
        self.assertRegex(ticket, "^[A-Za-z0-9_-]{22}$")
        with self.assertRaises(Refused) as refused:
            Device(authority.service()).activate(code, "1234")
        self.assertEqual(refused.exception.word, "NOK:CODE")
        device = Device(authority.service())
        self.assertEqual(device.activate(code, "1234", ticket), "2")
        self.assertTrue(account.accepts(device.otp("1234")))

    def test_without_a_token_that_is_asked_for_a_device_is_refused(self):
        authority, account = self.service("token")
        code, ticket = account.code_with_ticket()
        self.assertEqual((len(code), ticket), (6, ""))
        device = Device(authority.service())
        with self.assertRaises(urllib.error.HTTPError) as refused:
            device.activate(code, "1234")
        self.assertEqual(refused.exception.code, 401)
        self.assertIn(b"<err>NOK:TOKEN</err>", refused.exception.read())

    def test_where_activations_are_open_a_code_has_ten_letters(self):
        authority, account = self.service("open")
        code, ticket = account.code_with_ticket()
        self.assertEqual(ticket, "")
        self.assertRegex(code, "^[2-9A-HJ-NP-Z]{10}$")
        device = Device(authority.service())
        device.activate(code.lower(), "1234")
        self.assertTrue(account.accepts(device.otp("1234")))


def announced(device):
    answers = (children(each.text) for each in device.service.exchanges)
    return [answer for answer in answers if "Kiw" in answer]
