package libpims

import java.io.File
import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlin.coroutines.Continuation
import kotlin.coroutines.EmptyCoroutineContext
import kotlin.coroutines.startCoroutine
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.io.TempDir

const val PIN = "1234"
const val PHONE_NUMBER = "+33612345678"
const val VERSION = "pims.sdk.version"
const val ACCOUNT = "pims.authentication.account"
const val SMSCODE = "pims.authentication.smscode"

/** The longest wait of a test. A test that waits so long has failed. */
const val DEADLINE_SECONDS = 300L

/** A queue of messages in their order. */
class Mailbox : Callback {
    private val messages = LinkedBlockingQueue<Map<String, Any?>>()

    override fun onMessage(message: Map<String, Any?>) = messages.put(message)

    fun next(): Map<String, Any?> = assertNotNullAnd(messages.poll(DEADLINE_SECONDS, TimeUnit.SECONDS), "no message came")

    val isEmpty: Boolean get() = messages.isEmpty()
}

fun <T> assertNotNullAnd(value: T?, why: String): T {
    assertNotNull(value, why)
    return value!!
}

/** Returns the message of one call. */
fun message(call: (Callback) -> Unit): Map<String, Any?> = Mailbox().also(call).next()

/** Returns the result of one call that succeeds. */
fun result(call: (Callback) -> Unit): Any? {
    val message = message(call)
    assertEquals("SUCCEEDED", message["status"], message.toString())
    return message["result"]
}

fun code(message: Map<String, Any?>): Any? = (message["error"] as? Map<*, *>)?.get("code")

/** Runs a function that may wait, and waits for its result. */
fun <T> waiting(block: suspend () -> T): T {
    val done = LinkedBlockingQueue<Result<T>>()
    block.startCoroutine(Continuation(EmptyCoroutineContext, done::put))
    return assertNotNullAnd(done.poll(DEADLINE_SECONDS, TimeUnit.SECONDS), "it did not end").getOrThrow()
}

/** The base class of tests: each test has a folder, and leaves no facade. */
abstract class WithFolder {
    @TempDir
    lateinit var folder: Path

    val config: Map<String, Any?> get() = mapOf("storage" to mapOf("path" to folder.toString()))

    @AfterEach
    fun release() = Pims.release()

    fun smsCode(): String {
        val last = Files.readAllLines(folder.resolve("sms-outbox.jsonl")).last()
        return (Json.decode(last.toByteArray()) as Map<*, *>)["code"] as String
    }

    fun registered() {
        result { Pims.initialize(config, it) }
        result { Pims.get(SMSCODE, mapOf("type" to "phoneNumberCertification", "phoneNumber" to PHONE_NUMBER), it) }
        val parameters = mapOf("action" to "addPhoneNumber", "smsCode" to smsCode(), "phoneNumber" to PHONE_NUMBER)
        result { Pims.set(SMSCODE, parameters, it) }
    }

    fun enrolled() {
        registered()
        result { Pims.get(SMSCODE, mapOf("type" to "enrollment"), it) }
        waiting { Pims.strongAuthentication.enroll(PIN, smsCode()) }.getOrThrow()
    }
}

/** Returns a file of the repository. */
fun repository(path: String): File = File(System.getProperty("libpims.repository"), path)
