package libpims

import java.math.BigInteger
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
        )
        for (text in texts) assertThrows(IllegalArgumentException::class.java, { Json.decode(text.toByteArray()) }, text)
        assertThrows(IllegalArgumentException::class.java) { Json.decode(byteArrayOf(34, -1, 34)) }
        assertEquals(listOf(1, "\uD83D\uDE00/"), Json.decode(" [ 1 , \"\\ud83d\\uDE00\\/\" ] ".toByteArray()))
    }

    @Test
    fun `the encoder wipes its buffer when it grows and when it is closed`() {
        val encoder = Encoder()
        encoder.write("1234", 0)
        val first = encoder.buffer
        assertEquals('1'.code.toByte(), first[1])
        encoder.write("x".repeat(first.size), 0)
        val second = encoder.buffer
        assertNotSame(first, second)
        assertTrue(first.all { it == 0.toByte() })
        assertEquals('1'.code.toByte(), second[1])
        encoder.close()
        assertTrue(second.all { it == 0.toByte() })
    }
}
