package libpims

import java.io.File
import java.math.BigInteger
import java.net.URI
import java.nio.file.Path
import java.util.Optional
import java.util.OptionalDouble
import java.util.OptionalInt
import java.util.OptionalLong
import java.util.UUID
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicInteger
import java.util.concurrent.atomic.AtomicIntegerArray
import java.util.concurrent.atomic.AtomicLong
import java.util.concurrent.atomic.AtomicReference
import java.util.concurrent.atomic.LongAdder
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotSame
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class JsonTest {
    private fun there(value: Any?): Any? = (Json.decode(Json.encode(mapOf("a" to value))) as Map<*, *>)["a"]

    private fun text(value: Any?) = String(Json.encode(mapOf("a" to value)), Charsets.UTF_8)

    @Test
    fun `what goes in comes out`() {
        val big = BigInteger("123456789012345678901234567890")
        val values = listOf(
            null, true, false, 0, -1, Int.MAX_VALUE, Long.MIN_VALUE, big, 1.5, -0.0, 1e300, Double.MIN_VALUE, "", "a\u0000b",
            "\"\\/\b\u000C\n\r\t\u001F\u007F", "é", "€", "\uD83D\uDE00", "\u2028", emptyList<Any?>(), listOf(1, listOf("x", null)),
            emptyMap<String, Any?>(), mapOf("b" to mapOf("" to listOf(true))),
        )
        for (value in values) assertEquals(value, there(value))
        assertEquals(listOf(1, 2), there(intArrayOf(1, 2)))
        assertEquals(listOf("x", 'y').map { it.toString() }, there(arrayOf<Any>("x", 'y')))
        assertEquals(1.5, there(1.5f))
        assertEquals("1234", there("1234".toCharArray()))
        assertEquals("NotBlocked", there(AccountState.NotBlocked))
    }

    @Test
    @OptIn(ExperimentalUnsignedTypes::class)
    fun `values of the standard libraries are written as themselves`() {
        val id = UUID.fromString("123e4567-e89b-12d3-a456-426614174000")
        val forms = listOf(
            Path.of("state", "a") to "state/a", File("state/a") to "state/a", URI("https://example.org/x") to "https://example.org/x",
            id to id.toString(), AccountState.NotBlocked to "NotBlocked", Optional.of("x") to "x", Optional.of(Path.of("x")) to "x",
            Optional.empty<Any>() to null, OptionalInt.of(3) to 3, OptionalLong.empty() to null, OptionalDouble.of(1.5) to 1.5,
            AtomicInteger(-7) to -7, AtomicLong(1L shl 40) to (1L shl 40), AtomicBoolean(true) to true,
            AtomicReference(listOf(1)) to listOf(1), AtomicIntegerArray(intArrayOf(1, 2)) to listOf(1, 2), LongAdder() to 0,
            200.toUByte() to 200, 60000.toUShort() to 60000, 4000000000u to 4000000000L,
            ULong.MAX_VALUE to BigInteger.ONE.shiftLeft(64) - BigInteger.ONE, Long.MIN_VALUE to Long.MIN_VALUE,
            shortArrayOf(1, 2) to listOf(1, 2), floatArrayOf(1.5f) to listOf(1.5), uintArrayOf(1u) to listOf(1),
            (1..3) to listOf(1, 2, 3), setOf("a") to listOf("a"), ArrayDeque(listOf(1)) to listOf(1), listOf(Path.of("a")) to listOf("a"),
        )
        for ((value, form) in forms) assertEquals(form, there(value), value.javaClass.name)
        @Suppress("UNCHECKED_CAST")
        val byEnum = mapOf(AccountState.NotBlocked to 1) as Map<String, Any?>
        assertEquals("{\"NotBlocked\":1}", String(Json.encode(byEnum), Charsets.UTF_8))
        // A list that occurs twice is no circle.
        val twice = listOf(1)
        assertEquals(listOf(twice, twice), there(listOf(twice, twice)))
    }

    @Test
    fun `a refusal names the way to the value`() {
        fun refusal(value: Map<String, Any?>) = assertThrows(IllegalArgumentException::class.java) { Json.encode(value) }.message
        val itself = ArrayList<Any?>().also { it.add(it) }
        class Storage : Iterable<Any> { override fun iterator() = listOf<Any>(this).iterator() }
        var deep: Any = 1
        repeat(100) { deep = listOf(deep) }
        assertEquals("storage.path: a java.lang.Object has no form in JSON", refusal(mapOf("storage" to mapOf("path" to Any()))))
        assertEquals("type[1]: a java.lang.Object has no form in JSON", refusal(mapOf("type" to listOf("x", Any()))))
        assertEquals("pinCode: a byte[] has no form in JSON", refusal(mapOf("pinCode" to "1234".toByteArray())))
        assertEquals("a[0]: a java.util.ArrayList contains itself", refusal(mapOf("a" to itself)))
        assertEquals("a.b: JSON has no infinite numbers, and no NaN", refusal(mapOf("a" to mapOf("b" to Double.NaN))))
        assertEquals("a: the name of a member is a java.lang.Integer, expected text", refusal(mapOf("a" to mapOf(1 to 2))))
        assertTrue("has no form in JSON" in refusal(mapOf("a" to Storage())).orEmpty())
        assertTrue("nested deeper than 64" in refusal(mapOf("a" to deep)).orEmpty())
        val circle = AtomicReference<Any>().also { it.set(it) }
        assertEquals("a: a java.util.concurrent.atomic.AtomicReference contains itself", refusal(mapOf("a" to circle)))
    }

    @Test
    fun `the text of a message hides one-time passwords and exported enrollments`() {
        val message = Json.decode("{\"status\":\"SUCCEEDED\",\"result\":{\"otp\":\"47nckoxb\"}}".toByteArray()) as Map<*, *>
        assertEquals("{status=SUCCEEDED, result={otp=***}}", message.toString())
        assertEquals("{otp=***}", "${message["result"]}")
        assertEquals("{state=***}", "${Json.decode("{\"state\":\"k1\"}".toByteArray())}")
        assertEquals("47nckoxb", (message["result"] as Map<*, *>)["otp"])
        assertEquals(mapOf("status" to "SUCCEEDED", "result" to mapOf("otp" to "47nckoxb")), message)
    }

    @Test
    fun `integers have the smallest type that holds them`() {
        assertTrue(there(1L) is Int)
        assertTrue(there(1L shl 31) is Long)
        assertEquals(BigInteger.ONE.shiftLeft(63), there(BigInteger.ONE.shiftLeft(63)))
        assertTrue(there(1.0) is Double)
    }

    @Test
    fun `text is written as UTF-8, and half a pair as what it is`() {
        assertEquals("{\"a\":\"\uD83D\uDE00é\\u0000\"}", text("\uD83D\uDE00é\u0000"))
        assertEquals("{\"a\":\"\\ud83dx\"}", text("\uD83Dx"))
        assertEquals("{\"a\":\"\\ude00\"}", text("\uDE00"))
    }

    @Test
    fun `what has no form in JSON is refused, and not told`() {
        val itself = ArrayList<Any?>()
        itself.add(itself)
        val values = listOf(Double.NaN, Float.POSITIVE_INFINITY, Any(), mapOf(1 to 2), itself, "1234".toByteArray())
        for (value in values) assertThrows(IllegalArgumentException::class.java) { text(value) }
        class Pin(val digits: String) { override fun toString() = digits }
        val refused = assertThrows(IllegalArgumentException::class.java) { text(Pin("1234")) }
        assertFalse("1234" in refused.message.orEmpty())
    }

    @Test
    fun `what is no JSON is refused`() {
        val texts = listOf(
            "", "{", "[1", "[1,]", "{\"a\"}", "{\"a\":}", "tru", "1 2", "\"", "\"\\x\"", "\"\\u12\"", "-", "1e", "{a:1}", "[" .repeat(1000),
            "[-01]", "[01]", "[00]", "[2.]", "[2.e3]", "[0.e1]", "[-.5]", "[.5]", "[+1]", "[1.]", "[1.e1]", "[-2.]", "[--1]", "[1+2]", "[0e]",
            "[0e+]", "[1e1.5]", "[1.2.3]", "[-]", "[- 1]", "[0x1]", "[NaN]", "[-Infinity]", "[1e400]", "[-1e400]",
            "[\"\u0000\"]", "[\"a\tb\"]", "[\"a\nb\"]", "[\"\\n\u001f\"]", "{\"a\nb\":1}", "[\"\\ud800\"]", "[\"\\udc00\\ud800\"]",
            "[\"\\ud800x\"]", "[\"\\u00g0\"]", "[\"\\u+123\"]", "\uFEFF[]", "[\u00A0]", "[\u000C1]",
        )
        for (text in texts) assertThrows(IllegalArgumentException::class.java, { Json.decode(text.toByteArray()) }, text)
        assertThrows(IllegalArgumentException::class.java) { Json.decode(byteArrayOf(34, -1, 34)) }
        assertEquals(listOf(0, 0, -1, 0.0, 1.5e3, -0.0, 1e-9), Json.decode("[0,-0,-1,0.0,1.5E+3,-0.0,1e-9]".toByteArray()))
        assertEquals(listOf(1, "\uD83D\uDE00/"), Json.decode(" [ 1 , \"\\ud83d\\uDE00\\/\" ] ".toByteArray()))
    }

    @Test
    fun `the encoder wipes its buffer when it grows and when it is closed`() {
        val encoder = Encoder()
        encoder.write("1234")
        val first = encoder.buffer
        assertEquals('1'.code.toByte(), first[1])
        encoder.write("x".repeat(first.size))
        val second = encoder.buffer
        assertNotSame(first, second)
        assertTrue(first.all { it == 0.toByte() })
        assertEquals('1'.code.toByte(), second[1])
        encoder.close()
        assertTrue(second.all { it == 0.toByte() })
    }
}
