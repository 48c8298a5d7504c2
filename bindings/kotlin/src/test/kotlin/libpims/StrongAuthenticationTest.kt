package libpims

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class StrongAuthenticationTest : WithFolder() {
    private val device = Pims.strongAuthentication

    private fun failure(result: Result<*>): PimsException = result.exceptionOrNull() as PimsException

    @Test
    fun `a person enrolls, makes passwords, changes the PIN, resets it and goes`() = waiting {
        Pims.initialize(config).getOrThrow()
        assertFalse(device.isActivated().getOrThrow())
        assertEquals(2307, failure(device.trustedPhoneNumber()).code)
        device.requestPhoneNumberCode(PHONE_NUMBER).getOrThrow()
        device.addPhoneNumber(smsCode(), PHONE_NUMBER).getOrThrow()
        assertEquals(PHONE_NUMBER, device.trustedPhoneNumber().getOrThrow())
        device.requestEnrollmentCode().getOrThrow()
        assertEquals(EnrollmentStatus.NotEnrolled, device.acceptEnrollmentCode(smsCode()).getOrThrow())
        device.enroll(PIN).getOrThrow()
        assertTrue(device.isActivated().getOrThrow())
        assertEquals(AccountState.NotBlocked, device.accountState().getOrThrow())
        assertTrue(Regex("[0-9a-z]{1,8}").matches(device.otp(StringBuilder(PIN)).getOrThrow()))
        device.changePin(PIN, "4321").getOrThrow()
        val wrong = failure(device.otp(PIN))
        assertEquals(2308, wrong.code)
        assertEquals("inwebo: access refused", wrong.label)
        assertTrue(wrong.attemptsLeft!! > 0)
        device.requestResetCode().getOrThrow()
        device.resetPin("2468", smsCode()).getOrThrow()
        device.otp("2468").getOrThrow()
        device.requestPhoneNumberCode("+33698765432").getOrThrow()
        device.modifyPhoneNumber(smsCode(), "+33698765432").getOrThrow()
        device.removeEnrollments().getOrThrow()
        assertFalse(device.isActivated().getOrThrow())
    }

    @Test
    fun `the devices of the account are listed, renamed and removed`() = waiting {
        Pims.initialize(mapOf("storage" to mapOf("path" to folder.toString(), "keystore" to "hardware"))).getOrThrow()
        assertEquals(emptyList<AccountDevice>(), device.devices().getOrThrow())
        device.requestPhoneNumberCode(PHONE_NUMBER).getOrThrow()
        device.enrollWithPhoneNumber(PIN, smsCode(), PHONE_NUMBER).getOrThrow()
        val own = device.devices().getOrThrow().single()
        assertTrue(own.thisDevice)
        assertEquals(Keystore.Hardware, own.keystore)
        assertTrue(own.since <= own.lastUsed!!)
        assertEquals(2101, failure(device.renameDevice(own.deviceId, "Car")).code)
        device.renameDevice(own.deviceId, "Zoë’s 🚗", PIN).getOrThrow()
        assertEquals("Zoë’s 🚗", device.devices().getOrThrow().single().name)
        device.removeDevice(own.deviceId, PIN).getOrThrow()
        assertFalse(device.isActivated().getOrThrow())
        assertEquals(2102, failure(device.removeDevice(own.deviceId)).code)
    }

    @Test
    fun `a failure is what the message says, and no PIN is in it`() = waiting {
        assertEquals(2001, failure(Pims.get(VERSION)).code)
        Pims.initialize(config).getOrThrow()
        val twice = failure(Pims.initialize(config))
        assertEquals(2007, twice.code)
        assertTrue(twice.message!!.startsWith("2007 "))
        val refused = failure(device.enroll("abcd", "1234"))
        assertEquals(2102, refused.code)
        assertFalse("abcd" in refused.toString())
        device.setAccessToken("a-token").getOrThrow()
    }
}
