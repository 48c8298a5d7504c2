package libpims

import java.math.BigDecimal
import java.math.BigInteger
import java.nio.ByteBuffer
import java.nio.CharBuffer
import java.nio.charset.CharacterCodingException
import java.nio.charset.StandardCharsets

/**
 * JSON as far as messages and parameters need it. Android and the Java virtual machine have no JSON in common, and one of a dependency would leave
 * copies of PINs behind in buffers that nobody wipes.
 */
internal object Json {
    const val MAX_DEPTH = 64

    /** UTF-8 of an object; to be wiped. Throws [IllegalArgumentException] where a value has no form in JSON; it does not tell the value. */
    fun encode(value: Map<String, Any?>): ByteArray = Encoder().use { it.write(value, 0); it.bytes() }

    /** Maps, lists, strings, booleans and nulls; integers as [Int], [Long] or [BigInteger], the smallest that holds them; other numbers as [Double]. */
    fun decode(text: ByteArray): Any? = Decoder(text).whole()
}

/** UTF-8 that is wiped when it moves and when it is closed. */
internal class Encoder : AutoCloseable {
    internal var buffer = ByteArray(256)
        private set
    private var size = 0

    fun bytes(): ByteArray = buffer.copyOf(size)

    override fun close() = buffer.fill(0)

    fun write(value: Any?, depth: Int) {
        require(depth < Json.MAX_DEPTH) { "parameters are nested too deeply" }
        when (value) {
            null -> raw("null")
            is Boolean -> raw(value.toString())
            is Byte, is Short, is Int, is Long, is BigInteger -> raw(value.toString())
            is Double -> number(value.isFinite(), value)
            is Float -> number(value.isFinite(), value)
            is BigDecimal -> raw(value.toString())
            is CharSequence -> text(value)
            is CharArray -> text(CharBuffer.wrap(value))
            is Char -> text(value.toString())
            is Enum<*> -> text(value.name)
            is Map<*, *> -> members(value, depth)
            is Iterable<*> -> elements(value.iterator(), depth)
            is Array<*> -> elements(value.iterator(), depth)
            is IntArray -> elements(value.iterator(), depth)
            is LongArray -> elements(value.iterator(), depth)
            is DoubleArray -> elements(value.iterator(), depth)
            is BooleanArray -> elements(value.iterator(), depth)
            else -> throw IllegalArgumentException("a ${value.javaClass.name} has no form in JSON")
        }
    }

    private fun number(isFinite: Boolean, value: Number) {
        require(isFinite) { "JSON has no infinite numbers, and none that are none" }
        raw(value.toString())
    }

    private fun members(map: Map<*, *>, depth: Int) {
        put('{'.code)
        var first = true
        for ((name, value) in map) {
            if (!first) put(','.code)
            first = false
            text(name as? CharSequence ?: throw IllegalArgumentException("the name of a member is no text"))
            put(':'.code)
            write(value, depth + 1)
        }
        put('}'.code)
    }

    private fun elements(values: Iterator<*>, depth: Int) {
        put('['.code)
        var first = true
        for (value in values) {
            if (!first) put(','.code)
            first = false
            write(value, depth + 1)
        }
        put(']'.code)
    }

    private fun text(text: CharSequence) {
        put('"'.code)
        var at = 0
        while (at < text.length) {
            val char = text[at]
            val code = if (char.isHighSurrogate() && at + 1 < text.length) Character.codePointAt(text, at) else char.code
            when {
                char == '"' || char == '\\' -> { put('\\'.code); put(char.code) }
                // Half of a pair alone is no character: the library refuses it rather than anybody guesses.
                code < 0x20 || char.isSurrogate() && code < 0x10000 -> escape(code)
                else -> codePoint(code)
            }
            at += Character.charCount(code)
        }
        put('"'.code)
    }

    private fun escape(code: Int) {
        raw("\\u")
        for (shift in intArrayOf(12, 8, 4, 0)) put(Character.forDigit(code shr shift and 15, 16).code)
    }

    private fun codePoint(code: Int) {
        when {
            code < 0x80 -> put(code)
            code < 0x800 -> { put(0xC0 or (code shr 6)); tail(code, 0) }
            code < 0x10000 -> { put(0xE0 or (code shr 12)); tail(code, 6); tail(code, 0) }
            else -> { put(0xF0 or (code shr 18)); tail(code, 12); tail(code, 6); tail(code, 0) }
        }
    }

    private fun tail(code: Int, shift: Int) = put(0x80 or (code shr shift and 0x3F))

    private fun raw(text: String) = text.forEach { put(it.code) }

    private fun put(byte: Int) {
        if (size == buffer.size) {
            val larger = buffer.copyOf(2 * size)
            buffer.fill(0)
            buffer = larger
        }
        buffer[size++] = byte.toByte()
    }
}

/** Reads what the library wrote: anything else is an error of ours. */
private class Decoder(private val text: ByteArray) {
    private var at = 0

    fun whole(): Any? {
        val value = value(0)
        space()
        if (at != text.size) wrong()
        return value
    }

    private fun value(depth: Int): Any? {
        if (depth > Json.MAX_DEPTH) wrong()
        space()
        return when (val byte = peek()) {
            '{'.code -> members(depth)
            '['.code -> elements(depth)
            '"'.code -> string()
            't'.code -> word("true", true)
            'f'.code -> word("false", false)
            'n'.code -> word("null", null)
            else -> if (byte == '-'.code || byte in DIGITS) number() else wrong()
        }
    }

    private fun members(depth: Int): Map<String, Any?> {
        val map = LinkedHashMap<String, Any?>()
        sequence('}'.code) {
            space()
            if (peek() != '"'.code) wrong()
            val name = string()
            space()
            expect(':'.code)
            map[name] = value(depth + 1)
        }
        return map
    }

    private fun elements(depth: Int): List<Any?> {
        val list = ArrayList<Any?>()
        sequence(']'.code) { list.add(value(depth + 1)) }
        return list
    }

    private inline fun sequence(end: Int, one: () -> Unit) {
        at++
        space()
        if (peek() == end) {
            at++
            return
        }
        while (true) {
            one()
            space()
            if (peek() == end) break
            expect(','.code)
        }
        at++
    }

    private fun string(): String {
        at++
        val begin = at
        while (peek() != '"'.code && peek() != '\\'.code) at++
        if (peek() == '"'.code) return utf8(begin).also { at++ }
        val whole = StringBuilder(utf8(begin))
        while (peek() != '"'.code) {
            if (peek() == '\\'.code) {
                at++
                whole.append(escaped())
            } else {
                val part = at
                while (peek() != '"'.code && peek() != '\\'.code) at++
                whole.append(utf8(part))
            }
        }
        at++
        return whole.toString()
    }

    private fun escaped(): Char {
        val byte = peek()
        at++
        return when (byte.toChar()) {
            '"', '\\', '/' -> byte.toChar()
            'b' -> '\b'
            'f' -> '\u000C'
            'n' -> '\n'
            'r' -> '\r'
            't' -> '\t'
            'u' -> hex()
            else -> wrong()
        }
    }

    private fun hex(): Char {
        var code = 0
        repeat(4) {
            val digit = Character.digit(peek(), 16)
            if (digit < 0) wrong()
            code = code * 16 + digit
            at++
        }
        return code.toChar()
    }

    private fun utf8(begin: Int): String = try {
        StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(text, begin, at - begin)).toString()
    } catch (_: CharacterCodingException) {
        wrong()
    }

    private fun number(): Number {
        val begin = at
        while (at < text.size && text[at].toInt().let { it in DIGITS || it.toChar() in "+-.eE" }) at++
        val digits = String(text, begin, at - begin, StandardCharsets.US_ASCII)
        return if (digits.none { it in ".eE" }) {
            digits.toIntOrNull() ?: digits.toLongOrNull() ?: digits.toBigIntegerOrNull() ?: wrong()
        } else {
            digits.toDoubleOrNull() ?: wrong()
        }
    }

    private fun word(word: String, value: Any?): Any? {
        word.forEach { expect(it.code) }
        return value
    }

    private fun space() {
        while (at < text.size && text[at].toInt().toChar() in " \t\r\n") at++
    }

    private fun peek(): Int = if (at < text.size) text[at].toInt() and 0xFF else wrong()

    private fun expect(byte: Int) = if (peek() == byte) at++ else wrong()

    /** What stood there may be a secret. */
    private fun wrong(): Nothing = throw IllegalArgumentException("no JSON, from byte $at on")

    private companion object {
        val DIGITS = '0'.code..'9'.code
    }
}
