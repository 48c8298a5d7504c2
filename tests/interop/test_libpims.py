"""libpims, through its C interface, against the independent service, with device keys of 1024 and
of 2048 bits."""

import datetime
import ipaddress
import pathlib
import tempfile
import unittest

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from libpims import Failed, Pims
from server import CLIENT_ID, MAC_ID, Rules, Server

NUMBER = "+33612345678"


def certificate(folder):
    """Returns a self-signed certificate for this machine, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "libpims interop")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).add_extension(names, critical=False)
    builder = builder.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1))
    unprotected = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = pathlib.Path(folder, "certificate.pem")
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + key.private_bytes(*unprotected))
    return str(path)


class Host:
    """An app on a phone of its own. Several apps take turns in this process."""

    def __init__(self, server, account, ca_file):
        self.folder = tempfile.TemporaryDirectory(prefix="pims-interop-")
        self.account = account
        credential = {"inWeboURL": server.url, "macID": MAC_ID, "clientId": CLIENT_ID, "clientSecret": "unused"}
        if ca_file is not None:
            credential["caFile"] = ca_file
        self.configuration = {
            "environnement": "Production",
            "credential": credential,
            "account": {"username": "somebody", "accessToken": account.token},
            "storage": {"path": self.folder.name},
        }
        self.pims = None

    def open(self):
        self.pims = Pims(self.configuration)
        return self.pims

    def close(self):
        if self.pims is not None:
            self.pims.free()
            self.pims = None

    def __enter__(self):
        return self.open()

    def __exit__(self, *_):
        self.close()


class Stories:
    """The tests of the classes below. Each class configures a server in one way."""

    bits = 2048
    tls = True
    noise = False
    fresh_secrets = True
    again = True

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pims-interop-")
        self.addCleanup(folder.cleanup)
        self.certificate = certificate(folder.name) if self.tls else None
        self.server = Server(self.rules(), self.certificate)
        self.addCleanup(self.server.stop)
        # A breach that the server found is a failure, whatever the library made of it.
        self.addCleanup(lambda: self.assertEqual(self.server.state.breaches, []))
        self.account = self.server.state.account()
        self.host = self.another()

    def rules(self):
        return Rules(self.bits, self.again, self.fresh_secrets, self.noise)

    def another(self):
        host = Host(self.server, self.account, self.certificate)
        self.addCleanup(host.folder.cleanup)
        self.addCleanup(host.close)
        return host

    def code(self, purpose="enrollment"):
        """Returns the code of the last SMS of this purpose."""
        return self.account.codes[purpose][0]

    def register_number(self, pims):
        self.assertEqual(pims.get("smscode", type="phoneNumberCertification", phoneNumber=NUMBER), {})
        code = self.code("phoneNumberCertification")
        pims.set("smscode", action="addPhoneNumber", smsCode=code, phoneNumber=NUMBER)

    def enroll(self, pims, pin="1234"):
        if not self.account.phone:
            self.register_number(pims)
        pims.get("smscode", type="enrollment")
        pims.set("enrollment", action="enroll", pinCode=pin, smsCode=self.code())

    def enrolled(self):
        pims = self.host.open()
        self.enroll(pims)
        return pims

    def otp(self, pims, pin="1234"):
        return pims.get("otp", action="withPIN", pinCode=pin)["otp"]

    def assert_works(self, pims, pin="1234"):
        """Asserts that the password equals the one that the server computed."""
        made = self.otp(pims, pin)
        self.assertTrue(self.server.state.accepts(self.account, made))
        self.assertFalse(self.server.state.accepts(self.account, made))

    def assert_works_once_more(self, pims, pin):
        """Goes on after a change of the PIN on another device."""
        self.assert_works(pims, pin)

    def assert_fails(self, code, call, *arguments, **parameters):
        with self.assertRaises(Failed) as failed:
            call(*arguments, **parameters)
        self.assertEqual(failed.exception.code, code)
        return failed.exception.info

    def test_it_enrolls_in_two_steps_registers_its_secret_and_makes_passwords_that_the_server_expects(self):
        with self.host as pims:
            self.register_number(pims)
            pims.get("smscode", type="enrollment")
            told = pims.set("smscode", action="enrollment", smsCode=self.code())
            self.assertEqual(told, {"status": "NotEnrolled"})
            pims.set("enrollment", action="enroll", pinCode="1234", smsCode=" ")
            self.assertEqual(pims.get("account", actionType="strong", type="isDeviceActivated"), {"isDeviceActivated": True})
            state = self.server.state
            self.assertEqual([len(device.secret) for device in state.devices.values()], [16])
            self.assertEqual(state.device_key.modulus.bit_length(), self.bits)
            self.assert_works(pims)
        mac = [request for request in state.requests if request.startswith("Action")]
        expected = ["ActionSetup activate", "ActionFinalize activate", "ActionFinalize ms", "ActionSetup otp", "ActionFinalize otp"]
        self.assertEqual(mac, expected)

    def test_k1_evolves_and_the_passwords_stay_right(self):
        pims = self.enrolled()
        [device] = self.server.state.devices.values()
        keys = {device.k1}
        for _ in range(6):
            self.assert_works(pims)
            keys.add(device.k1)
        # The third answer and the sixth: each counted itself or was followed by another one.
        self.assertEqual((device.granted, len(keys)), (8 if self.again else 6, 3))

    def test_what_was_enrolled_goes_on_in_the_next_run(self):
        self.enrolled()
        self.host.close()
        with self.host as pims:
            self.assert_works(pims)

    def test_a_second_device_enrolls_with_the_pin_of_the_account(self):
        self.enrolled()
        self.host.close()
        second = self.another()
        with second as pims:
            pims.get("smscode", type="enrollment")
            told = pims.set("smscode", action="enrollment", smsCode=self.code())
            self.assertEqual(told, {"status": "AlreadyEnrolled"})
            info = self.assert_fails(2308, pims.set, "enrollment", action="enroll", pinCode="4321", smsCode=" ")
            self.assertEqual(info["attemptsLeft"], 2)
            pims.set("enrollment", action="enroll", pinCode="1234", smsCode=" ")
            self.assert_works(pims)
        self.assertEqual(len(self.server.state.devices), 2)

    def test_a_new_pin_is_followed_by_a_synchronization(self):
        pims = self.enrolled()
        pims.set("pincode", action="update", oldPIN="1234", newPIN="97531")
        self.assertEqual(self.account.pin, "97531")
        asked = self.server.state.requests
        self.assertEqual(asked[-1] == "ActionFinalize ms", self.fresh_secrets)
        self.assertEqual([device.tsync for device in self.server.state.devices.values()], [1])
        self.assert_works(pims, "97531")
        self.assertEqual(self.assert_fails(2308, self.otp, pims, "1234")["attemptsLeft"], 2)
        self.assert_works(pims, "97531")

    def test_another_device_follows_a_new_pin_by_synchronizing(self):
        self.enrolled()
        self.host.close()
        second = self.another()
        with second as pims:
            self.enroll(pims)
            pims.set("pincode", action="update", oldPIN="1234", newPIN="9753")
        with self.host as pims:
            self.assert_fails(2308, self.otp, pims, "1234")
            self.assert_works_once_more(pims, "9753")
        with second as pims:
            self.assert_works(pims, "9753")

    def test_the_same_pin_again_and_a_wrong_old_one_are_refused(self):
        pims = self.enrolled()
        self.assert_fails(2315, pims.set, "pincode", action="update", oldPIN="1234", newPIN="1234")
        self.assert_fails(2308, pims.set, "pincode", action="update", oldPIN="4321", newPIN="9753")
        self.assert_works(pims)

    def test_the_last_wrong_pin_blocks_until_a_reset(self):
        pims = self.enrolled()
        for _ in range(2):
            self.assert_fails(2308, self.otp, pims, "4321")
        self.assert_fails(2310, self.otp, pims, "4321")
        asked = {"actionType": "strong", "type": "isAccountBlocked"}
        self.assertEqual(pims.get("account", **asked), {"isAccountBlocked": "PinBlocked"})
        pims.get("smscode", type="resetPIN")
        pims.set("pincode", action="reset", pinCode="9753", smsCode=self.code("resetPIN"))
        self.assertEqual((self.account.pin, self.account.blocked), ("9753", False))
        self.assertEqual(pims.get("account", **asked), {"isAccountBlocked": "NotBlocked"})
        self.assert_works_once_more(pims, "9753")

    def test_a_wrong_code_is_told(self):
        with self.host as pims:
            self.register_number(pims)
            pims.get("smscode", type="enrollment")
            self.assert_fails(2305, pims.set, "smscode", action="enrollment", smsCode="abcdef")
            self.assertEqual(self.server.state.devices, {})

    def test_a_phone_number_is_registered_read_and_modified(self):
        with self.host as pims:
            self.assert_fails(2307, pims.get, "trustedphonenumber")
            self.assert_fails(2307, pims.get, "smscode", type="enrollment")
            self.register_number(pims)
            self.assertEqual(pims.get("trustedphonenumber"), {"phoneNumber": NUMBER})
            other = "+33698765432"
            pims.get("smscode", type="phoneNumberCertification", phoneNumber=other)
            code = self.code("phoneNumberCertification")
            self.assert_fails(2390, pims.set, "smscode", action="addPhoneNumber", smsCode=code, phoneNumber=other)
            self.assert_fails(2305, pims.set, "smscode", action="modifyPhoneNumber", smsCode="00000", phoneNumber=other)
            pims.set("smscode", action="modifyPhoneNumber", smsCode=code, phoneNumber=other)
            self.assertEqual(pims.get("trustedphonenumber"), {"phoneNumber": other})

    def test_an_enrollment_registers_a_phone_number_where_it_is_to(self):
        with self.host as pims:
            pims.get("smscode", type="phoneNumberCertification", phoneNumber=NUMBER)
            own = {"pinCode": "1234", "smsCode": self.code("phoneNumberCertification"), "phoneNumber": NUMBER}
            pims.set("enrollment", action="enrollWithPhoneNumber", **own)
            self.assertEqual(self.account.phone, NUMBER)
            self.assert_works(pims)

    def test_a_password_without_the_pin_is_made_with_k0(self):
        pims = self.enrolled()
        made = pims.get("otp", action="withoutPIN")["otp"]
        self.assertTrue(self.server.state.accepts(self.account, made))

    def test_removed_enrollments_are_gone_on_both_sides(self):
        pims = self.enrolled()
        pims.set("enrollment", action="remove")
        self.assertEqual((self.server.state.devices, self.account.pin), ({}, ""))
        asked = {"actionType": "strong", "type": "isDeviceActivated"}
        self.assertEqual(pims.get("account", **asked), {"isDeviceActivated": False})
        # The service ended the device.
        self.enroll(pims)
        self.server.state.devices.clear()
        self.assert_fails(2312, self.otp, pims)


class OverHttps(Stories, unittest.TestCase):
    pass


class OverHttpsWithKeysOf1024Bits(Stories, unittest.TestCase):
    bits = 1024


class OverPlainHttp(Stories, unittest.TestCase):
    tls = False


class WithAnswersAsUglyAsTheyMayBe(Stories, unittest.TestCase):
    """Answers with white space, comments, unknown children, empty ones and repeated ones."""

    tls = False
    bits = 1024
    noise = True


class WithPasswordsOfTheVeryAnswerThatEvolvesK1(Stories, unittest.TestCase):
    """Answers with `dK1` and without `J`."""

    tls = False
    again = False


class WithSecretsThatStayTheSame(Stories, unittest.TestCase):
    """A service that sends the same K1 at a synchronization and wants no fresh secret, by the
    letter of the specification."""

    tls = False
    bits = 1024
    fresh_secrets = False

    def assert_works_once_more(self, pims, pin):
        # The secret is under the old PIN, which the device does not know. The device reports that
        # and makes no wrong password.
        self.assert_fails(2203, self.otp, pims, pin)
