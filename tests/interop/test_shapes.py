"""Each shape of a public client against the real service."""

import pathlib
import tempfile
import unittest

from authority import Authority
from inwebo import Refused
from shapes import SHAPES, Client
from test_exchange import parameters

EVOLVES_EVERY = "evolve_k1_every = 3"


class Shapes(unittest.TestCase):
    """The tests of the classes below. Each class configures a service in one way."""

    policy = EVOLVES_EVERY
    pin = ""

    @classmethod
    def setUpClass(cls):
        if cls is Shapes:
            raise unittest.SkipTest("the tests of the classes below")
        cls.authority = Authority(policy=cls.policy, pin=cls.pin)
        cls.addClassCleanup(cls.authority.stop)
        folder = tempfile.TemporaryDirectory(prefix="pims-shapes-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)

    def client(self, shape):
        """Returns a new client, with an account of its own."""
        account = self.authority.account()
        if shape.asks_customer:
            self.assertEqual(account.customer(), account.name)
        return Client(self.authority.service(), shape, self.folder / f"{account.name}.json"), account

    def restarted(self, client):
        return Client.load(self.authority.service(), client.shape, client.path)

    def assert_refused(self, word, call, *arguments):
        with self.assertRaises(Refused) as refused:
            call(*arguments)
        self.assertEqual(refused.exception.word, word)
        return refused.exception.answer

    def assert_works(self, client, account):
        made = client.otp("1234")
        self.assertTrue(account.accepts(made))
        self.assertFalse(account.accepts(made))


class WhereThePinIsProvedAtActivation(Shapes):
    pin = 'proof = "at_activation"'

    def test_each_shape_enrolls_restarts_and_makes_passwords_across_evolutions(self):
        for shape in (shape for shape in SHAPES if shape.keeps_alea):
            with self.subTest(shape.name):
                client, account = self.client(shape)
                client.activate(account.code_by_empty_body(), "1234")
                # One client encrypts into 128 bytes, whatever the key.
                self.assertEqual(len(parameters(client.service.exchanges[1].query)["Kma"]), 256)
                for _ in range(3):
                    self.assert_works(client, account)
                client = self.restarted(client)
                before = client.open_k1("1234")
                for _ in range(7):
                    self.assert_works(client, account)
                self.assertEqual(client.evolutions > 0, client.shape.evolves)
                self.assertEqual(client.open_k1("1234") != before, client.shape.evolves)

    def test_each_shape_activates_again_with_its_old_state_and_stays_one_device(self):
        for shape in SHAPES:
            with self.subTest(shape.name):
                client, account = self.client(shape)
                client.activate(account.code_by_empty_body(), "1234")
                old = client.id
                client.activate(account.code_by_empty_body(), "1234")
                self.assertNotEqual(client.id, old)
                self.assert_works(client, account)
                client.id = old
                self.assertEqual(client.status(), "NOK:NODEVICE")

    def test_a_wrong_code_is_told_at_the_setup(self):
        for shape in SHAPES:
            with self.subTest(shape.name):
                client, account = self.client(shape)
                account.code_by_empty_body()
                self.assert_refused("NOK:CODE", client.activate, "ABCDEFGHJK", "1234")
                self.assertEqual(len(client.service.exchanges), 1)

    def test_a_client_that_lost_its_alea_is_refused_and_charged_nothing(self):
        for shape in (shape for shape in SHAPES if not shape.keeps_alea):
            with self.subTest(shape.name):
                client, account = self.client(shape)
                client.activate(account.code_by_empty_body(), "1234")
                for _ in range(6):
                    self.assertNotIn("attemptsLeft", self.assert_refused("NOK:ACCESS", self.restarted(client).otp, "1234"))
                self.assert_works(client, account)


class WhereEachPasswordProvesThePin(Shapes):
    def test_a_client_that_proves_it_works(self):
        for shape in (shape for shape in SHAPES if shape.proves_pin):
            with self.subTest(shape.name):
                client, account = self.client(shape)
                client.activate(account.code_by_empty_body(), "1234")
                for _ in range(4):
                    self.assert_works(client, account)

    def test_a_client_that_does_not_is_refused_and_blocks_nothing(self):
        for shape in (shape for shape in SHAPES if not shape.proves_pin):
            with self.subTest(shape.name):
                client, account = self.client(shape)
                client.activate(account.code_by_empty_body(), "1234")
                for _ in range(8):
                    answer = self.assert_refused("NOK:ACCESS", client.otp, "1234")
                    self.assertEqual(answer["reason"], "pinNotProved")
                    self.assertNotIn("attemptsLeft", answer)
                self.assertEqual(client.status(), "OK")


class WhereAnAccountHasOneDevice(Shapes):
    policy = f"{EVOLVES_EVERY}\nmax_devices = 1"
    pin = 'proof = "at_activation"'

    def test_the_refusal_comes_with_the_finalize_step_and_the_code_stays_usable(self):
        for shape in SHAPES:
            with self.subTest(shape.name):
                client, account = self.client(shape)
                client.activate(account.code_by_empty_body(), "1234")
                second = Client(self.authority.service(), client.shape, self.folder / "second.json")
                code = account.code_by_empty_body()
                self.assert_refused("NOK:MAXNBTOOLS", second.activate, code, "1234")
                self.assertEqual(len(second.service.exchanges), 2)
                self.assertIn("<err>OK</err>", second.service.exchanges[0].text)
                # The device itself activates again, at any time.
                client.activate(code, "1234")
                self.assert_works(client, account)
                code = account.code_by_empty_body()
                client.remove()
                second.activate(code, "1234")
                self.assert_works(second, account)


if __name__ == "__main__":
    unittest.main()
