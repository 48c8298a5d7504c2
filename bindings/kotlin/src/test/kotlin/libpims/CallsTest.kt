package libpims

import java.io.ByteArrayOutputStream
import java.io.PrintStream
import java.nio.file.Files
import java.util.Collections
import java.util.concurrent.CountDownLatch
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlin.concurrent.thread
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotSame
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class CallsTest : WithFolder() {
    @Test
    fun `without a facade a call fails on the thread that calls, before it returns`() {
        val threads = ArrayList<Thread>()
        Pims.get(VERSION) { message ->
            threads.add(Thread.currentThread())
            assertEquals(2001, code(message))
        }
        assertEquals(listOf(Thread.currentThread()), threads)
    }

    @Test
    fun `a callback may leave its message unnamed`() {
        val done = LinkedBlockingQueue<Any?>()
        Pims.initialize(config) { done.put(it["status"]) }
        assertEquals("SUCCEEDED", done.poll(DEADLINE_SECONDS, TimeUnit.SECONDS))
        val arrived = CountDownLatch(2)
        Pims.get(VERSION) { arrived.countDown() }
        Pims.release()
        Pims.initialize(config) { arrived.countDown() }
        assertTrue(arrived.await(DEADLINE_SECONDS, TimeUnit.SECONDS))
    }

    @Test
    fun `callbacks run on one thread, which Java knows as one, in the order of the calls`() {
        result { Pims.initialize(config, it) }
        val (order, threads) = Pair(LinkedBlockingQueue<Int>(), Collections.synchronizedList(ArrayList<Thread>()))
        repeat(200) { number ->
            Pims.get(VERSION) { _ ->
                threads.add(Thread.currentThread())
                order.put(number)
            }
        }
        assertEquals((0 until 200).toList(), List(200) { order.poll(DEADLINE_SECONDS, TimeUnit.SECONDS) })
        assertTrue(threads.all { it === threads[0] })
        assertNotSame(Thread.currentThread(), threads[0])
        assertTrue(threads[0].isDaemon)
    }

    @Test
    fun `an exception in a callback is reported, and the next call has its message`() {
        val (told, before) = Pair(LinkedBlockingQueue<Throwable>(), Pims.onException)
        result { Pims.initialize(config, it) }
        try {
            Pims.onException = ExceptionHandler { told.put(it) }
            val thrown = IllegalStateException("of a callback")
            Pims.get(VERSION) { throw thrown }
            assertSame(thrown, told.poll(DEADLINE_SECONDS, TimeUnit.SECONDS))
            Pims.onException = ExceptionHandler { throw it }
            Pims.get(VERSION) { throw StackOverflowError() }
            result { Pims.get(VERSION, emptyMap(), it) }
        } finally {
            Pims.onException = before
        }
    }

    @Test
    fun `an exception that nobody asks for is printed, and ends nothing`() {
        val ended = LinkedBlockingQueue<Throwable>()
        val (before, errors, printed) = Triple(Thread.getDefaultUncaughtExceptionHandler(), System.err, ByteArrayOutputStream())
        Thread.setDefaultUncaughtExceptionHandler { _, exception -> ended.put(exception) }
        System.setErr(PrintStream(printed, true))
        try {
            result { Pims.initialize(config, it) }
            Pims.get(VERSION) { error("of a callback") }
            result { Pims.get(VERSION, emptyMap(), it) }
        } finally {
            System.setErr(errors)
            Thread.setDefaultUncaughtExceptionHandler(before)
        }
        assertTrue("IllegalStateException: of a callback" in printed.toString())
        assertTrue(ended.isEmpty())
    }

    @Test
    fun `who waits gets as a result what the call throws`() {
        val unavailable = IllegalStateException("the key is not there")
        assertSame(unavailable, waiting { Pims.initialize(config, SecureStore { throw unavailable }) }.exceptionOrNull())
        val refused = waiting { Pims.get(VERSION, mapOf("a" to Any())) }.exceptionOrNull()
        assertTrue(refused is IllegalArgumentException, "$refused")
    }

    @Test
    fun `what crosses is wiped, parameters and messages`() {
        lateinit var seen: ByteArray
        Pims.encoded(mapOf("pinCode" to "1234")) { bytes ->
            seen = bytes
            assertEquals("{\"pinCode\":\"1234\"}", String(bytes))
        }
        assertTrue(seen.all { it == 0.toByte() })
        val message = "{\"status\":\"SUCCEEDED\",\"result\":{\"otp\":\"47nckoxb\"}}".toByteArray()
        val told = Mailbox()
        Pims.deliver(message, told)
        assertEquals(mapOf("otp" to "47nckoxb"), told.next()["result"])
        assertTrue(message.all { it == 0.toByte() })
    }

    @Test
    fun `a callback may call everything, and release`() {
        result { Pims.initialize(config, it) }
        val done = Mailbox()
        Pims.get(VERSION) { _ ->
            Pims.get(VERSION) { done.onMessage(it) }
            Pims.release()
        }
        assertEquals(2001, code(done.next()))
        // The facade is released after that callback returned. Then another facade is possible.
        val again = generateSequence { message { Pims.initialize(config, it) } }.first { code(it) != 2007 }
        assertEquals("SUCCEEDED", again["status"])
    }

    @Test
    fun `a path is a text, and a printed message has no one-time password`() {
        result { Pims.initialize(mapOf("storage" to mapOf("path" to folder)), it) }
        Pims.release()
        result { Pims.initialize(mapOf("storage" to mapOf("path" to folder.toFile())), it) }
        Pims.release()
        enrolled()
        val message = message { Pims.get("pims.authentication.otp", mapOf("action" to "withPIN", "pinCode" to 1234), it) }
        val password = (message["result"] as Map<*, *>)["otp"] as String
        assertFalse(password in message.toString())
        assertFalse(password in message["result"].toString())
    }

    @Test
    fun `threads that call at once each have their messages`() {
        result { Pims.initialize(config, it) }
        val arrived = CountDownLatch(8 * 50)
        List(8) {
            thread { repeat(50) { Pims.get(VERSION) { message -> if (message["status"] == "SUCCEEDED") arrived.countDown() } } }
        }.forEach(Thread::join)
        assertTrue(arrived.await(DEADLINE_SECONDS, TimeUnit.SECONDS))
    }

    @Test
    fun `one call too many is refused, and its callback is not called`() {
        result { Pims.initialize(config, it) }
        val (entered, gate, refused) = Triple(CountDownLatch(1), CountDownLatch(1), Mailbox())
        Pims.get(VERSION) {
            entered.countDown()
            gate.await()
        }
        entered.await()
        val waiting = Mailbox()
        repeat(1024) { Pims.get(VERSION, emptyMap(), waiting) }
        assertThrows(IllegalStateException::class.java) { Pims.get(VERSION, emptyMap(), refused) }
        gate.countDown()
        repeat(1024) { waiting.next() }
        assertTrue(refused.isEmpty)
        assertThrows(IllegalArgumentException::class.java) {
            Pims.get(VERSION, mapOf("a" to "x".repeat(Pims.MAX_TEXT)), refused)
        }
    }

    @Test
    fun `a subscription has its acknowledgment, then its events, until it ends`() {
        registered()
        val events = Mailbox()
        val parameters = mapOf("actionType" to "strong", "type" to "isDeviceActivated")
        Pims.subscribe(ACCOUNT, parameters, events)
        assertEquals("SUCCEEDED", events.next()["status"])
        result { Pims.get(SMSCODE, mapOf("type" to "enrollment"), it) }
        waiting { Pims.strongAuthentication.enroll(PIN, smsCode()) }.getOrThrow()
        val event = events.next()
        assertEquals("RESULT", event["status"])
        assertEquals(true, (event["result"] as Map<*, *>)["isDeviceActivated"])
        result { Pims.unsubscribe(ACCOUNT, parameters, it) }
        waiting { Pims.strongAuthentication.removeEnrollments() }.getOrThrow()
        result { Pims.get(VERSION, emptyMap(), it) }
        assertTrue(events.isEmpty)
    }

    @Test
    fun `the key of the storage comes from the secure store, and is wiped`() {
        val key = ByteArray(32) { it.toByte() }
        val handed = ArrayList<ByteArray>()
        val store = SecureStore { key.copyOf().also(handed::add) }
        result { Pims.initialize(config, store, it) }
        waiting { Pims.get(SMSCODE, mapOf("type" to "phoneNumberCertification", "phoneNumber" to PHONE_NUMBER)) }.getOrThrow()
        Pims.release()
        assertTrue(handed.single().all { it == 0.toByte() })
        Files.list(folder).use { files -> assertTrue(files.noneMatch { it.fileName.toString() == "device.key" }) }
        // Another key does not open the data that the first key sealed. The first key does.
        enrolledWith(store)
        Pims.release()
        val other = waiting { Pims.initialize(config, SecureStore { ByteArray(32) }) }.exceptionOrNull() as PimsException?
        assertEquals(2006, other?.code)
        waiting { Pims.initialize(config, store) }.getOrThrow()
        assertEquals(true, waiting { Pims.strongAuthentication.isActivated() }.getOrThrow())
    }

    @Test
    fun `a key of another length, or two keys, are refused before anything is made`() {
        assertThrows(IllegalArgumentException::class.java) { Pims.initialize(config, SecureStore { ByteArray(16) }, Mailbox()) }
        val both = mapOf("storage" to mapOf("path" to folder.toString(), "key" to "x"))
        assertThrows(IllegalArgumentException::class.java) { Pims.initialize(both, SecureStore { ByteArray(32) }, Mailbox()) }
        assertEquals(2001, code(message { Pims.get(VERSION, emptyMap(), it) }))
    }

    private fun enrolledWith(store: SecureStore) {
        waiting { Pims.initialize(config, store) }.getOrThrow()
        waiting {
            val device = Pims.strongAuthentication
            device.requestPhoneNumberCode(PHONE_NUMBER).getOrThrow()
            device.enrollWithPhoneNumber(PIN, smsCode(), PHONE_NUMBER).getOrThrow()
        }
    }
}
