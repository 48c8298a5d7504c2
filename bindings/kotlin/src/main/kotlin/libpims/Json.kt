package libpims

import java.io.File
import java.math.BigDecimal
import java.math.BigInteger
import java.net.URI
import java.nio.ByteBuffer
import java.nio.CharBuffer
import java.nio.charset.CharacterCodingException
import java.nio.charset.StandardCharsets
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
import java.util.concurrent.atomic.AtomicLongArray
import java.util.concurrent.atomic.AtomicReference
import java.util.concurrent.atomic.AtomicReferenceArray
import java.util.concurrent.atomic.DoubleAccumulator
import java.util.concurrent.atomic.DoubleAdder
import java.util.concurrent.atomic.LongAccumulator
import java.util.concurrent.atomic.LongAdder

/**
 * The part of JSON that messages and parameters need. Android and the Java virtual machine have no
 * common JSON library. A dependency's would leave copies of PINs in buffers that are never wiped.
 */
internal object Json {
    const val MAX_DEPTH = 64

    /**
     * Returns an object as UTF-8, which the caller must wipe. Throws [IllegalArgumentException] for
     * a value without a form in JSON. Its message names the path of the value, such as
     * `storage.path`, and never the value.
     */
    fun encode(value: Map<String, Any?>): ByteArray = Encoder().use { it.write(value); it.bytes() }

    /**
     * Reads a value: maps, lists, strings, booleans and nulls; integers as the smallest of [Int],
     * [Long] or [BigInteger] that holds them; other numbers as [Double].
     */
    fun decode(text: ByteArray): Any? = Decoder(text).whole()
}

/** A writer of UTF-8. Its memory is wiped when it moves and when it is closed. */
internal class Encoder : AutoCloseable {
    internal var buffer = ByteArray(256)
        private set
    private var size = 0

    /**
     * The path to the current value: names of members, and indices of elements. An exception names
     * it.
     */
    private val path = ArrayList<Any>()

    /** The maps, lists and arrays that contain the current value. */
    private val open = ArrayList<Any>()

    fun bytes(): ByteArray = buffer.copyOf(size)

    override fun close() = buffer.fill(0)

    /**
     * Writes a value. Types that are a value and a collection, such as [Path], are written as the
     * value.
     */
    fun write(value: Any?) {
        when (value) {
            null -> raw("null")
            is Boolean -> raw(if (value) "true" else "false")
            is CharSequence -> text(value)
            is CharArray -> text(CharBuffer.wrap(value))
            is Char -> text(value.toString())
            is Enum<*> -> text(value.name)
            is Path, is File, is UUID, is URI -> text(value.toString())
            is Number, is UByte, is UShort, is UInt, is ULong -> number(value)
            is AtomicBoolean -> write(value.get())
            is AtomicReference<*> -> inside(value) { write(value.get()) }
            is Optional<*> -> inside(value) { write(value.orElse(null)) }
            is OptionalInt -> if (value.isPresent) integer(value.asInt.toLong()) else raw("null")
            is OptionalLong -> if (value.isPresent) integer(value.asLong) else raw("null")
            is OptionalDouble -> if (value.isPresent) fraction(value.asDouble) else raw("null")
            is Map<*, *> -> inside(value) { members(value) }
            else -> inside(value) { elements(iterator(value)) }
        }
    }

    private fun number(value: Any) = when (value) {
        is Byte, is Short, is Int, is Long, is AtomicInteger, is AtomicLong -> integer((value as Number).toLong())
        is UByte -> integer(value.toLong())
        is UShort -> integer(value.toLong())
        is UInt -> integer(value.toLong())
        is ULong -> digits(value)
        is LongAdder, is LongAccumulator -> integer((value as Number).toLong())
        is Float -> if (value.isFinite()) raw(value.toString()) else refuse(NOT_FINITE)
        is Double -> fraction(value)
        is DoubleAdder, is DoubleAccumulator -> fraction((value as Number).toDouble())
        is BigInteger, is BigDecimal -> raw(value.toString())
        else -> noForm(value)
    }

    /**
     * Returns the elements of a list, a set, a range or an array. Other iterable types are refused:
     * for their owner, many of them are one value.
     */
    private fun iterator(value: Any): Iterator<*> = when (value) {
        is Collection<*> -> value.iterator()
        is IntProgression, is LongProgression, is CharProgression, is UIntProgression, is ULongProgression -> (value as Iterable<*>).iterator()
        is Array<*> -> value.iterator()
        is ShortArray -> value.iterator()
        is IntArray -> value.iterator()
        is LongArray -> value.iterator()
        is FloatArray -> value.iterator()
        is DoubleArray -> value.iterator()
        is BooleanArray -> value.iterator()
        is AtomicIntegerArray -> (0 until value.length()).map(value::get).iterator()
        is AtomicLongArray -> (0 until value.length()).map(value::get).iterator()
        is AtomicReferenceArray<*> -> (0 until value.length()).map(value::get).iterator()
        else -> noForm(value)
    }

    /** Writes the contents of a value. */
    private inline fun inside(value: Any, write: () -> Unit) {
        if (open.any { it === value }) refuse("a ${value.javaClass.typeName} contains itself")
        if (open.size == Json.MAX_DEPTH) refuse("the parameters are nested deeper than ${Json.MAX_DEPTH}")
        open.add(value)
        write()
        open.removeAt(open.lastIndex)
    }

    private fun noForm(value: Any): Nothing = refuse("a ${value.javaClass.typeName} has no form in JSON")

    /**
     * Throws the exception for a value without a form. Its message has the path to the value and
     * never the value, which may be a secret.
     */
    private fun refuse(why: String): Nothing {
        val way = StringBuilder()
        for (step in path) {
            if (step is Int) way.append('[').append(step).append(']') else way.append(if (way.isEmpty()) "" else ".").append(step)
        }
        throw IllegalArgumentException(if (way.isEmpty()) why else "$way: $why")
    }

    private fun fraction(value: Double) = if (value.isFinite()) raw(value.toString()) else refuse(NOT_FINITE)

    /** Writes the digits without a String: the number may be a PIN. */
    private fun integer(value: Long) {
        if (value < 0) put('-'.code)
        digits(if (value < 0) 0uL - value.toULong() else value.toULong())
    }

    private fun digits(value: ULong) {
        var divisor = 1uL
        while (value / divisor >= 10uL) divisor *= 10uL
        while (divisor > 0uL) {
            put('0'.code + (value / divisor % 10uL).toInt())
            divisor /= 10uL
        }
    }

    private fun members(map: Map<*, *>) {
        put('{'.code)
        var first = true
        for ((key, value) in map) {
            if (!first) put(','.code)
            first = false
            val name = (key as? Enum<*>)?.name ?: key as? CharSequence
                ?: refuse("the name of a member is a ${key?.javaClass?.typeName}, expected text")
            text(name)
            put(':'.code)
            path.add(name)
            write(value)
            path.removeAt(path.lastIndex)
        }
        put('}'.code)
    }

    private fun elements(values: Iterator<*>) {
        put('['.code)
        for ((index, value) in values.withIndex()) {
            if (index > 0) put(','.code)
            path.add(index)
            write(value)
            path.removeAt(path.lastIndex)
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
                // A surrogate without its partner is no character. It is escaped, and the library
                // refuses it.
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

    private companion object {
        const val NOT_FINITE = "JSON has no infinite numbers, and no NaN"
    }
}

/**
 * An object of a message. Its printed form, which may come into logs, hides one-time passwords and
 * exported enrollments. Its members have them.
 */
internal class Members : LinkedHashMap<String, Any?>() {
    override fun toString(): String = entries.joinToString(", ", "{", "}") { (name, value) -> "$name=${if (name in SECRETS) "***" else value}" }

    private companion object {
        const val serialVersionUID = 1L
        val SECRETS = setOf("otp", "state")
    }
}

/** A reader of the library's messages. A text of any other form is a fault of this package. */
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
        val map = Members()
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
        plain()
        if (peek() == '"'.code) return utf8(begin).also { at++ }
        val whole = StringBuilder(utf8(begin))
        while (peek() != '"'.code) {
            if (peek() == '\\'.code) {
                at++
                whole.append(escaped())
            } else {
                val part = at
                plain()
                whole.append(utf8(part))
            }
        }
        at++
        return whole.toString().also { if (hasHalfPair(it)) wrong() }
    }

    /** Moves to the end of a string, or to its next escape. Control characters must be escaped. */
    private fun plain() {
        while (peek() != '"'.code && peek() != '\\'.code) if (peek() < 0x20) wrong() else at++
    }

    private fun hasHalfPair(text: String): Boolean {
        var index = 0
        while (index < text.length) {
            val code = text.codePointAt(index)
            if (code in 0xD800..0xDFFF) return true
            index += Character.charCount(code)
        }
        return false
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
        if (peek() == '-'.code) at++
        if (peek() == '0'.code) at++ else digits()
        val isInteger = !isNext(".eE")
        if (isNext(".")) {
            at++
            digits()
        }
        if (isNext("eE")) {
            at++
            if (isNext("+-")) at++
            digits()
        }
        val text = String(text, begin, at - begin, StandardCharsets.US_ASCII)
        if (isInteger) return text.toIntOrNull() ?: text.toLongOrNull() ?: text.toBigInteger()
        return text.toDouble().also { if (it.isInfinite()) wrong() }
    }

    /** Reads at least one digit. */
    private fun digits() {
        if (peek() !in DIGITS) wrong()
        while (at < text.size && text[at].toInt() in DIGITS) at++
    }

    private fun isNext(characters: String) = at < text.size && text[at].toInt().toChar() in characters

    private fun word(word: String, value: Any?): Any? {
        word.forEach { expect(it.code) }
        return value
    }

    private fun space() {
        while (at < text.size && text[at].toInt().toChar() in " \t\r\n") at++
    }

    private fun peek(): Int = if (at < text.size) text[at].toInt() and 0xFF else wrong()

    private fun expect(byte: Int) = if (peek() == byte) at++ else wrong()

    /** Throws an exception without the text, which may contain a secret. */
    private fun wrong(): Nothing = throw IllegalArgumentException("no JSON, from byte $at on")

    private companion object {
        val DIGITS = '0'.code..'9'.code
    }
}
