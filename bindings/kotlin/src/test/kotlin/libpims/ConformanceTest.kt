package libpims

import java.nio.file.Files
import java.nio.file.Path
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory
import org.junit.jupiter.api.io.TempDir

/**
 * The suite of all languages, see tests/conformance/README.md. It runs by callbacks. Single
 * requests run by functions that wait, too.
 */
class ConformanceTest {
    @TempDir
    lateinit var folder: Path

    private val suite = Json.decode(repository("tests/conformance/suite.json").readBytes()) as Map<*, *>

    @TestFactory
    fun `by callbacks`() = tests(ByCallbacks())

    @TestFactory
    fun `by functions that wait`() = tests(ByWaiting())

    private fun tests(caller: Caller): List<DynamicTest> {
        assertEquals(1, suite["format"])
        val cases = suite["cases"] as List<*>
        assertEquals(suite["steps"], cases.sumOf { (it.member("steps") as List<*>).size })
        // The cases share a folder and a service. So they have one runner, and their order.
        val runner = Runner({ folder.toString() }, caller)
        return cases.map { case ->
            DynamicTest.dynamicTest(case.member("name") as String) { (case.member("steps") as List<*>).forEach(runner::step) }
        }
    }
}

private fun Any?.member(name: String): Any? = (this as? Map<*, *>)?.get(name)

private typealias Message = Map<String, Any?>

/** The runner of the steps: it keeps their values for later steps, and checks their messages. */
private class Runner(private val path: () -> String, private val caller: Caller) {
    private val folder by lazy(path)
    private var storage = ""
    private var otp = ""
    private var state = ""
    private var deviceId = ""
    private var number = ""

    fun step(step: Any?) {
        val call = step.member("call") as String
        @Suppress("UNCHECKED_CAST")
        val parameters = fill(step.member("parameters")) as Message?
        val message = caller.perform(call, step.member("api") as? String, parameters)
        if (call == "free") return
        (parameters.takeIf { call == "init" }.member("storage").member("path") as? String)?.let { storage = it }
        (message.member("result").member("otp") as? String)?.let { otp = it }
        (message.member("result").member("state") as? String)?.let { state = it }
        (message.member("result").member("number") as? String)?.let { number = it }
        val device = (message.member("result").member("devices") as? List<*>)?.firstOrNull() ?: message.member("result")
        (device.member("deviceId") as? String)?.let { deviceId = it }
        val id = message?.get("transactionId")
        val expected = fill(step.member("expect"))
        val right = Regex("[0-9a-f]{8}-[0-9a-f]{4}").matches(id as? String ?: "") && matches(expected, message!! - "transactionId" - "info")
        // assertEquals would print the map without types.
        assertEquals(true, right, "$step\nexpected: $expected\n     got: $message")
    }

    private fun fill(value: Any?): Any? = when (value) {
        is String -> Regex("\\$\\{(\\w+)}").replace(value) { Regex.escapeReplacement(value(it.groupValues[1])) }
        is List<*> -> value.map(::fill)
        is Map<*, *> -> value.entries.associate { (name, member) -> name to fill(member) }
        else -> value
    }

    private fun value(name: String): String = when (name) {
        "folder" -> folder
        "otp" -> otp
        "state" -> state
        "deviceId" -> deviceId
        "number" -> number
        "wrongNumber" -> increased(number)
        "smsCode" -> smsCode()
        "wrongSmsCode" -> increased(smsCode())
        else -> error("the placeholder $name")
    }

    /** Returns digits with the last one increased by one; 9 becomes 0. */
    private fun increased(digits: String) = digits.dropLast(1) + (digits.last().digitToInt() + 1) % 10

    private fun smsCode(): String {
        val last = Files.readAllLines(Path.of(storage, "sms-outbox.jsonl")).last()
        return Json.decode(last.toByteArray()).member("code") as String
    }

    private fun matches(expected: Any?, actual: Any?): Boolean = when {
        expected is Map<*, *> && actual is Map<*, *> ->
            expected.keys == actual.keys && expected.all { (name, member) -> matches(member, actual[name]) }
        expected is List<*> && actual is List<*> ->
            expected.size == actual.size && expected.zip(actual).all { (one, other) -> matches(one, other) }
        expected == "\$time" -> actual is Long && actual.toString().length == 13
        expected == "\$seconds" -> actual is Int && actual in 1..86400
        expected is String && actual is String -> when (expected) {
            "\$otp" -> Regex("[0-9a-z]{1,8}").matches(actual)
            "\$path" -> actual.startsWith("$folder/")
            "\$version" -> Regex("[0-9]+\\.[0-9]+\\.[0-9]+.*").matches(actual)
            "\$text" -> actual.isNotEmpty()
            else -> expected == actual
        }
        else -> expected == actual
    }
}

private abstract class Caller {
    private var events = Mailbox()

    fun perform(call: String, api: String?, parameters: Message?): Message? = when (call) {
        "init" -> initialize(parameters ?: emptyMap())
        "get", "set" -> ask(call, api!!, parameters)
        "subscribe" -> message { answer ->
            Pims.subscribe(api!!, parameters ?: emptyMap()) { if (it["status"] == "RESULT") events.onMessage(it) else answer.onMessage(it) }
        }
        "unsubscribe" -> message { Pims.unsubscribe(api!!, parameters ?: emptyMap(), it) }
        "event" -> events.next()
        "free" -> {
            Pims.release()
            assertEquals(true, events.isEmpty)
            null
        }
        else -> error("the call $call")
    }

    abstract fun initialize(config: Message): Message

    abstract fun ask(call: String, api: String, parameters: Message?): Message
}

private class ByCallbacks : Caller() {
    override fun initialize(config: Message) = message { Pims.initialize(config, it) }

    override fun ask(call: String, api: String, parameters: Message?) = message {
        when {
            call == "get" && parameters == null -> Pims.get(api, callback = it)
            call == "get" -> Pims.get(api, parameters!!, it)
            parameters == null -> Pims.set(api, callback = it)
            else -> Pims.set(api, parameters, it)
        }
    }
}

/** A caller that sees only a result or an exception. It makes the message of it. */
private class ByWaiting : Caller() {
    override fun initialize(config: Message) = told(waiting { Pims.initialize(config) }.map { null })

    override fun ask(call: String, api: String, parameters: Message?) =
        told(waiting { if (call == "get") Pims.get(api, parameters ?: emptyMap()) else Pims.set(api, parameters ?: emptyMap()) })

    private fun told(result: Result<Any?>): Message = mapOf("transactionId" to "00000000-0000") + result.fold(
        onSuccess = { mapOf("status" to "SUCCEEDED", "result" to it) },
        onFailure = { mapOf("status" to "FAILED", "error" to error(it as PimsException)) },
    )

    private fun error(failure: PimsException): Message = buildMap {
        put("code", failure.code)
        put("label", failure.label)
        failure.detail?.let { put("detail", it) }
        if (failure.info.isNotEmpty()) put("info", failure.info)
    }
}
