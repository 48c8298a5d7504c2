package libpims

import java.util.concurrent.CompletableFuture
import java.util.concurrent.CountDownLatch
import java.util.concurrent.ExecutionException
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import java.util.concurrent.TimeoutException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class AsyncTest : WithFolder() {
    private val device = Pims.strongAuthenticationAsync
    private val parameters = mapOf("actionType" to "strong", "type" to "isDeviceActivated")

    private fun <T> CompletableFuture<T>.value(): T = get(DEADLINE_SECONDS, TimeUnit.SECONDS)

    private fun failure(future: CompletableFuture<*>) =
        assertThrows(ExecutionException::class.java) { future.get(DEADLINE_SECONDS, TimeUnit.SECONDS) }.cause as PimsException

    /** Holds the library's thread until the test runs the returned function. */
    private fun held(): () -> Unit {
        val (entered, gate) = Pair(CountDownLatch(1), CountDownLatch(1))
        Pims.get(VERSION) {
            entered.countDown()
            gate.await()
        }
        assertTrue(entered.await(DEADLINE_SECONDS, TimeUnit.SECONDS))
        return gate::countDown
    }

    @Test
    fun `futures have values, and failures with the parts of a message`() {
        Pims.initializeAsync(config).value()
        assertFalse(device.isActivated().value())
        val early = failure(device.otp(PIN))
        assertSame(Code.FORBIDDEN, early.reason)
        assertSame(NextAction.REQUEST_SMS_CODE, early.nextAction)
        device.requestPhoneNumberCode(PHONE_NUMBER).value()
        device.enrollWithPhoneNumber(PIN, smsCode(), PHONE_NUMBER).value()
        assertTrue(Regex("[0-9a-z]{1,8}").matches(device.otp(PIN).value()))
        val wrong = failure(device.otp("4321"))
        assertSame(Code.ACCESS_REFUSED, wrong.reason)
        assertSame(NextAction.RETRY_PIN, wrong.nextAction)
        assertTrue(wrong.attemptsLeft!! > 0)
        val told = LinkedBlockingQueue<WrongPins>()
        Pims.onWrongPins = WrongPinsHandler { told.put(it) }
        try {
            device.otp(PIN).value()
        } finally {
            Pims.onWrongPins = null
        }
        assertEquals(1, told.single().count)
        val limited = generateSequence { device.requestResetCode().handle { _, failure -> failure }.value() as PimsException? ?: Unit }
            .take(100).first { it is PimsException } as PimsException
        assertSame(Code.SERVER_ERROR, limited.reason)
        assertTrue(limited.retryAfterSeconds!! > 0)
        assertSame(Code.ALREADY_INITIALIZED, failure(Pims.initializeAsync(config)).reason)
    }

    @Test
    fun `a message becomes an exception, and only one that failed`() {
        val message = message { Pims.get(VERSION, emptyMap(), it) }
        assertSame(Code.NOT_INITIALIZED, PimsException.of(message).reason)
        assertThrows(IllegalArgumentException::class.java) { PimsException.of(mapOf("status" to "SUCCEEDED")) }
        assertNull(Code.of(1))
        val wrong = mapOf("wrongPinsSince" to mapOf("count" to 4, "since" to 1700000000000L))
        assertEquals(WrongPins(4, java.time.Instant.ofEpochSecond(1700000000)), WrongPins.of(mapOf("status" to "SUCCEEDED", "info" to wrong)))
        assertEquals(4, WrongPins.of(mapOf("status" to "FAILED", "error" to mapOf("info" to wrong)))?.count)
    }

    @Test
    fun `waiting inside a callback is refused by a sentence, and the next call works`() {
        Pims.initializeAsync(config).value()
        val refusals = LinkedBlockingQueue<Throwable>()
        val waits = listOf<() -> Any?>(
            { Pims.getAsync(VERSION).join() }, { Pims.getAsync(VERSION).get() }, { device.isActivated().get(1, TimeUnit.HOURS) },
            { Pims.getAsync(VERSION).thenApply { it }.join() }, { runBlocking { Pims.get(VERSION).getOrThrow() } },
            { runBlocking { Pims.strongAuthentication.isActivated().getOrThrow() } }, { runBlocking { Session.open(config) } },
        )
        for (wait in waits) {
            Pims.get(VERSION) { refusals.put(runCatching(wait).exceptionOrNull() ?: AssertionError("not refused")) }
            val refusal = assertNotNullAnd(refusals.poll(DEADLINE_SECONDS, TimeUnit.SECONDS), "it waits")
            assertTrue(refusal is IllegalStateException, "$refusal")
            assertTrue("a callback must not wait for a result" in refusal.message.orEmpty())
            // A stage of a future runs as a callback, too. If the result is there before the stage,
            // the stage runs on this thread, which may wait.
            val caller = Thread.currentThread()
            var isCallback = false
            val staged = Pims.getAsync(VERSION).thenApply {
                isCallback = Thread.currentThread() !== caller
                wait()
            }
            val failure = runCatching { staged.value() }.exceptionOrNull()
            if (isCallback) assertTrue("a callback must not wait" in failure?.cause?.message.orEmpty(), "$failure")
        }
        // If the result is there already, nothing waits.
        Pims.get(VERSION) { _ -> refusals.put(IllegalStateException(CompletableFuture.completedFuture("there").join())) }
        assertEquals("there", refusals.poll(DEADLINE_SECONDS, TimeUnit.SECONDS)?.message)
        Pims.getAsync(VERSION).value()
    }

    @Test
    fun `each callback begins with a name, a class loader and no interrupt`() {
        Pims.initializeAsync(config).value()
        repeat(3) {
            val seen = LinkedBlockingQueue<List<Any?>>()
            Pims.get(VERSION) {
                val thread = Thread.currentThread()
                seen.put(listOf(thread.name, thread.contextClassLoader, thread.isInterrupted))
                thread.name = "of a callback"
                thread.contextClassLoader = null
                thread.interrupt()
            }
            assertEquals(listOf("libpims", Pims::class.java.classLoader, false), seen.poll(DEADLINE_SECONDS, TimeUnit.SECONDS))
        }
        // The calling thread keeps its own name and interrupt.
        Pims.release()
        val name = Thread.currentThread().name
        Thread.currentThread().interrupt()
        Pims.get(VERSION) { assertTrue(Thread.currentThread().isInterrupted) }
        assertTrue(Thread.interrupted())
        assertEquals(name, Thread.currentThread().name)
    }

    @Test
    fun `a full queue has an exception of its own`() {
        Pims.initializeAsync(config).value()
        val release = held()
        val calls = List(1024) { Pims.getAsync(VERSION) }
        assertThrows(QueueFullException::class.java) { Pims.get(VERSION) {} }
        assertTrue(runCatching { Pims.getAsync(VERSION).value() }.exceptionOrNull()?.cause is QueueFullException)
        release()
        calls.forEach { it.value() }
    }

    @Test
    fun `a session closes, throws, and leaves nothing where it was cancelled`() {
        runBlocking {
            Session.open(config).use { session ->
                assertFalse(session.device.isActivated())
                session.get(VERSION)
                val thrown = runCatching { session.device.otp(PIN) }.exceptionOrNull() as PimsException
                assertSame(Code.FORBIDDEN, thrown.reason)
                // The storage belongs to the first one.
                assertSame(Code.CORE_NOT_CONFIGURED, (runCatching { Session.open(config) }.exceptionOrNull() as PimsException).reason)
                // A session is not the default facade.
                assertSame(Code.NOT_INITIALIZED, (Pims.get(VERSION).exceptionOrNull() as PimsException).reason)
            }
            // A second `close` does not release another session's facade.
            val first = Session.open(config)
            first.close()
            Session.open(config).use {
                first.close()
                it.get(VERSION)
            }
        }
        Session.openAsync(config).value().use { assertFalse(it.deviceAsync.isActivated().value()) }
        val ends = listOf<(CompletableFuture<Session>) -> Boolean>(
            { it.cancel(true) },
            // As `orTimeout` and `completeOnTimeout` do it.
            { it.completeExceptionally(TimeoutException()) },
            { it.complete(null) },
        )
        for (end in ends) {
            val opening = Session.openAsync(config)
            if (!end(opening)) opening.value().close()
            // The facade is released as soon as it exists.
            val next = generateSequence { runCatching { Session.openAsync(config).value() }.getOrNull() ?: Unit }.first { it is Session }
            (next as Session).close()
        }
    }

    @Test
    fun `a cancelled coroutine ends at once, and the operation goes on`() {
        enrolled()
        val release = held()
        runBlocking {
            // The coroutine runs here until it waits.
            val waiting = launch(Dispatchers.Unconfined) { Pims.strongAuthentication.changePin(PIN, "2468") }
            withTimeout(DEADLINE_SECONDS * 1000) { waiting.cancelAndJoin() }
            assertTrue(waiting.isCancelled)
        }
        release()
        assertTrue(Regex("[0-9a-z]{1,8}").matches(device.otp("2468").value()))
    }

    @Test
    fun `a subscription that was closed makes no other one a duplicate`() {
        enrolled()
        val release = held()
        val unwanted = Mailbox()
        repeat(10) { Pims.subscribe(ACCOUNT, parameters, unwanted).close() }
        val wanted = Mailbox()
        val subscription = Pims.subscribe(ACCOUNT, parameters, wanted)
        val second = Mailbox()
        // This one is refused, and its end does not end the other one.
        val duplicate = Pims.subscribe(ACCOUNT, parameters, second)
        release()
        assertEquals("SUCCEEDED", wanted.next()["status"])
        assertEquals(2005, code(second.next()))
        duplicate.close()
        Pims.subscribe(ACCOUNT, parameters, second).close()
        device.removeEnrollments().value()
        assertEquals("RESULT", wanted.next()["status"])
        assertTrue(unwanted.isEmpty && second.isEmpty)
        subscription.close()
        subscription.close()
        val last = Mailbox()
        Pims.subscribe(ACCOUNT, parameters, last).use { assertEquals("SUCCEEDED", last.next()["status"]) }
    }

    @Test
    fun `a closed subscription behind one that is refused makes no other one a duplicate`() {
        enrolled()
        val release = held()
        val (bad, unwanted, wanted) = Triple(Mailbox(), Mailbox(), Mailbox())
        Pims.subscribe(ACCOUNT, mapOf("type" to "nothing"), bad)
        Pims.subscribe(ACCOUNT, parameters, unwanted).close()
        Pims.subscribe(ACCOUNT, parameters, wanted)
        release()
        assertEquals(2102, code(bad.next()))
        assertEquals("SUCCEEDED", wanted.next()["status"])
        // A subscription ends by its api, too, and its own `close` does not end the next one.
        val old = Pims.subscribe(ACCOUNT, parameters, unwanted)
        assertEquals(2005, code(unwanted.next()))
        result { Pims.unsubscribe(ACCOUNT, emptyMap(), it) }
        val next = Mailbox()
        Pims.subscribe(ACCOUNT, parameters, next)
        old.close()
        assertEquals("SUCCEEDED", next.next()["status"])
        device.removeEnrollments().value()
        assertEquals("RESULT", next.next()["status"])
        assertTrue(wanted.isEmpty)
    }

    @Test
    fun `a full queue accepts the end of a subscription`() {
        enrolled()
        val first = Mailbox()
        val subscription = Pims.subscribe(ACCOUNT, parameters, first)
        assertEquals("SUCCEEDED", first.next()["status"])
        val release = held()
        val calls = List(1024) { Pims.getAsync(VERSION) }
        subscription.close()
        assertThrows(QueueFullException::class.java) { Pims.subscribe(ACCOUNT, parameters, first) }
        release()
        calls.forEach { it.value() }
        val second = Mailbox()
        Pims.subscribe(ACCOUNT, parameters, second)
        assertEquals("SUCCEEDED", second.next()["status"])
    }

    @Test
    fun `changes of the account come with types, as a watcher and as a flow`() {
        enrolled()
        val changes = LinkedBlockingQueue<AccountChange>()
        Pims.watch { changes.put(it) }.use {
            device.removeEnrollments().value()
            assertEquals(AccountChange(false, null), changes.poll(DEADLINE_SECONDS, TimeUnit.SECONDS)?.copy(accountState = null))
        }
        runBlocking {
            // A collector that is cancelled before the acknowledgment leaves nothing.
            repeat(20) { launch(Dispatchers.Unconfined) { Pims.accountChanges().collect { } }.cancelAndJoin() }
            val change = async(Dispatchers.Unconfined) { Pims.accountChanges().first { it.isDeviceActivated == true } }
            Pims.strongAuthentication.requestEnrollmentCode().getOrThrow()
            // A second collector is refused while the first one collects.
            val second = runCatching { Pims.accountChanges().first() }.exceptionOrNull() as PimsException
            assertSame(Code.DUPLICATE, second.reason)
            Pims.strongAuthentication.enroll(PIN, smsCode()).getOrThrow()
            assertEquals(true, withTimeout(DEADLINE_SECONDS * 1000) { change.await() }.isDeviceActivated)
        }
    }
}
