package libpims

import java.nio.file.Files
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class ReferenceSamplesTest : WithFolder() {
    @Test
    fun `the samples are those of the reference, letter by letter`() {
        val test = repository("bindings/kotlin/src/test")
        val samples = Files.readString(test.resolve("kotlin/libpims/ReferenceSamples.kt").toPath())
        for (name in listOf("enrollment-enroll", "pincode-update")) {
            assertTrue(Files.readString(test.resolve("resources/$name.txt").toPath()) in samples, name)
        }
    }

    @Test
    fun `the samples do what the reference says`() {
        registered()
        result { Pims.get(SMSCODE, mapOf("type" to "enrollment"), it) }
        result { Pims.set(SMSCODE, mapOf("action" to "enrollment", "smsCode" to smsCode()), it) }
        sampleOfEnrollment()
        assertEquals(true, waiting { Pims.strongAuthentication.isActivated() }.getOrThrow())
        sampleOfPincode()
        assertEquals(2308, (waiting { Pims.strongAuthentication.otp(PIN) }.exceptionOrNull() as PimsException).code)
        assertTrue(waiting { Pims.strongAuthentication.otp("4321") }.isSuccess)
    }
}
