package libpims

import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CountDownLatch
import java.util.concurrent.ExecutionException
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotSame
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Several sessions at once: each has its own account, storage, queue and thread. */
class SessionTest : WithFolder() {
    private val parameters = mapOf("actionType" to "strong", "type" to "isDeviceActivated")
    private val otherPin = "2468"

    private fun <T> CompletableFuture<T>.value(): T = get(DEADLINE_SECONDS, TimeUnit.SECONDS)

    private fun cause(future: CompletableFuture<*>) = assertThrows(ExecutionException::class.java) { future.value() }.cause!!

    private fun CountDownLatch.pass() = assertTrue(await(DEADLINE_SECONDS, TimeUnit.SECONDS))

    private fun storage(name: String): Path = folder.resolve(name)

    private fun open(name: String): Session = Session.openAsync(mapOf("storage" to mapOf("path" to storage(name)))).value()

    private fun enroll(session: Session, name: String, pin: String) {
        session.deviceAsync.requestPhoneNumberCode(PHONE_NUMBER).value()
        val last = Files.readAllLines(storage(name).resolve("sms-outbox.jsonl")).last()
        val code = (Json.decode(last.toByteArray()) as Map<*, *>)["code"] as String
        session.deviceAsync.enrollWithPhoneNumber(pin, code, PHONE_NUMBER).value()
    }

    private fun assertClosed(session: Session) {
        val never = Callback { throw AssertionError("a callback that must not be called ran") }
        val calls = listOf<() -> Any?>(
            { session.get(VERSION, emptyMap(), never) }, { session.set(VERSION, emptyMap(), never) },
            { session.subscribe(ACCOUNT, parameters, never) }, { session.watch { } },
            { runBlocking { session.get(VERSION) } }, { runBlocking { session.set(VERSION) } },
            { runBlocking { session.device.isActivated() } }, { runBlocking { session.accountChanges().first() } },
        )
        for (call in calls) {
            val refused = assertThrows(SessionClosedException::class.java) { call() }
            assertEquals("the session was closed", refused.message)
        }
        assertTrue(cause(session.getAsync(VERSION)) is SessionClosedException)
        assertTrue(cause(session.setAsync(VERSION)) is SessionClosedException)
        assertTrue(cause(session.deviceAsync.otp(PIN)) is SessionClosedException)
    }

    @Test
    fun `two accounts work at once and know nothing of each other`() {
        val one = open("one")
        open("other").use { other ->
            enroll(one, "one", PIN)
            assertTrue(one.deviceAsync.isActivated().value())
            assertFalse(other.deviceAsync.isActivated().value())
            enroll(other, "other", otherPin)
            val (told, toldOther, toldAll) = List(3) { LinkedBlockingQueue<WrongPins>() }
            one.onWrongPins = WrongPinsHandler(told::put)
            Pims.onWrongPins = WrongPinsHandler(toldAll::put)
            try {
                runBlocking {
                    one.device.otp(PIN)
                    assertSame(Code.ACCESS_REFUSED, (runCatching { other.device.otp(PIN) }.exceptionOrNull() as PimsException).reason)
                    other.device.otp(otherPin)
                    // The handler of the process gets the wrong PINs of a session without a
                    // handler.
                    assertEquals(1, toldAll.single().count)
                    other.onWrongPins = WrongPinsHandler(toldOther::put)
                    runCatching { other.device.otp(PIN) }
                    other.device.otp(otherPin)
                }
            } finally {
                Pims.onWrongPins = null
            }
            assertEquals(1, toldOther.single().count)
            assertTrue(told.isEmpty())
            one.close()
            assertTrue(cause(one.deviceAsync.otp(PIN)) is SessionClosedException)
            assertTrue(Regex("[0-9a-z]{1,8}").matches(other.deviceAsync.otp(otherPin).value()))
            // The storage of the closed one is free.
            open("one").use { again -> assertTrue(again.deviceAsync.isActivated().value()) }
        }
    }

    /** Opens a device of an account whose new devices need an approval. */
    private fun ofOneAccount(name: String): Session {
        val policy = mapOf("activationApproval" to true, "deviceNotices" to true)
        val embedded = mapOf("database" to folder.resolve("authority.db"), "policy" to policy)
        val account = mapOf("username" to "jane")
        return Session.openAsync(mapOf("storage" to mapOf("path" to storage(name)), "account" to account, "embedded" to embedded)).value()
    }

    /** Enrolls a device, which then waits. Returns its number. */
    private fun waits(session: Session, name: String): String {
        session.deviceAsync.requestEnrollmentCode().value()
        val last = Files.readAllLines(storage(name).resolve("sms-outbox.jsonl")).last()
        session.deviceAsync.enroll(PIN, (Json.decode(last.toByteArray()) as Map<*, *>)["code"] as String).value()
        val own = session.deviceAsync.approval().value()
        assertEquals(ApprovalState.Waiting, own.state)
        return own.number!!
    }

    @Test
    fun `a new device is approved by another one, and its changes are notices`() {
        ofOneAccount("old").use { old ->
            ofOneAccount("new").use { new ->
                enroll(old, "old", PIN)
                assertEquals(Approval(ApprovalState.None, null, null, null, null, null), old.deviceAsync.approval().value())
                assertEquals(emptyList<AccountNotice>(), old.deviceAsync.notices().value())
                val number = waits(new, "new")
                assertSame(Code.WRONG_STATE, (cause(new.deviceAsync.otp(PIN)) as PimsException).reason)
                val asked = old.deviceAsync.approval().value()
                assertEquals(ApprovalState.Asked, asked.state)
                assertTrue(asked.number == null && asked.lifetimeSeconds!! in 1..300)
                val approvals = LinkedBlockingQueue<Approval>()
                old.watch(approval = true) { change -> change.approval?.let(approvals::put) }.use {
                    assertEquals(asked.deviceId, approvals.poll(DEADLINE_SECONDS, TimeUnit.SECONDS)?.deviceId)
                }
                old.deviceAsync.approveNewDevice(asked.deviceId!!, number, PIN).value()
                new.deviceAsync.changePin(PIN, otherPin).value()
                val notice = old.deviceAsync.notices().value().single()
                assertEquals("pinChange" to null, notice.event to notice.deviceId)
                assertTrue(notice.at >= asked.since)
                val told = runBlocking { withTimeout(DEADLINE_SECONDS * 1000) { old.accountChanges(notices = true).first { it.notices != null } } }
                assertEquals(listOf(notice), told.notices)
            }
        }
    }

    @Test
    fun `a new device ends by a wrong number, or is rejected`() {
        ofOneAccount("old").use { old ->
            ofOneAccount("new").use { new ->
                enroll(old, "old", PIN)
                val wrong = "%02d".format((waits(new, "new").toInt() + 1) % 100)
                val asked = old.deviceAsync.approval().value()
                assertSame(Code.WRONG_STATE, (cause(old.deviceAsync.approveNewDevice(asked.deviceId!!, wrong, PIN)) as PimsException).reason)
                assertSame(Code.DEVICE_UNKNOWN, (cause(new.deviceAsync.otp(PIN)) as PimsException).reason)
                waits(new, "new")
                old.deviceAsync.rejectNewDevice(old.deviceAsync.approval().value().deviceId!!).value()
                assertEquals(AccountState.PinBlocked, old.deviceAsync.accountState().value())
            }
        }
    }

    @Test
    fun `sessions work beside the default facade`() {
        open("other").use { session ->
            assertEquals(2001, code(message { Pims.get(VERSION, emptyMap(), it) }))
            enrolled()
            assertTrue(Pims.strongAuthenticationAsync.isActivated().value())
            assertTrue(StrongAuthenticationAsync.isActivated().value())
            assertFalse(session.deviceAsync.isActivated().value())
            assertSame(Code.ALREADY_INITIALIZED, (cause(Pims.initializeAsync(config)) as PimsException).reason)
            Pims.release()
            assertEquals("SUCCEEDED", message { session.get(VERSION, emptyMap(), it) }["status"])
        }
    }

    @Test
    fun `a session that cannot be opened throws, and leaves the others alone`() {
        open("one").use { one ->
            assertSame(Code.CORE_NOT_CONFIGURED, (assertThrows(ExecutionException::class.java) { open("one") }.cause as PimsException).reason)
            val unknown = Session.openAsync(mapOf("nothing" to mapOf("a" to 1), "storage" to 5))
            assertSame(Code.CONFIGURATION_INVALID, (cause(unknown) as PimsException).reason)
            val unavailable = IllegalStateException("the key is not there")
            assertSame(unavailable, cause(Session.openAsync(config, SecureStore { throw unavailable })))
            one.getAsync(VERSION).value()
        }
    }

    @Test
    fun `a closed session refuses each call, also where others were opened since`() {
        val session = open("one")
        val subscription = session.subscribe(ACCOUNT, parameters) { }
        session.getAsync(VERSION).value()
        session.close()
        session.close()
        assertClosed(session)
        open("one").use {
            assertClosed(session)
            session.close()
            subscription.close()
            it.getAsync(VERSION).value()
        }
    }

    @Test
    fun `each session has its own subscription, thread and events`() {
        val (one, other) = Pair(open("one"), open("other"))
        val (events, otherEvents, second) = Triple(Mailbox(), Mailbox(), Mailbox())
        val threads = LinkedBlockingQueue<Thread>()
        one.subscribe(ACCOUNT, parameters, events)
        other.subscribe(ACCOUNT, parameters, otherEvents)
        one.subscribe(ACCOUNT, parameters, second)
        assertEquals("SUCCEEDED", events.next()["status"])
        assertEquals("SUCCEEDED", otherEvents.next()["status"])
        assertEquals(2005, code(second.next()))
        enroll(other, "other", otherPin)
        assertEquals("RESULT", otherEvents.next()["status"])
        assertTrue(events.isEmpty)
        for (session in listOf(one, other)) session.get(VERSION) { threads.put(Thread.currentThread()) }
        val (first, next) = List(2) { threads.poll(DEADLINE_SECONDS, TimeUnit.SECONDS) }
        assertNotSame(first, next)
        assertEquals(listOf("libpims", "libpims"), listOf(first!!.name, next!!.name))
        one.close()
        other.close()
        assertTrue(events.isEmpty && otherEvents.isEmpty)
    }

    @Test
    fun `changes of two accounts are two flows`() {
        val (one, other) = Pair(open("one"), open("other"))
        enroll(one, "one", PIN)
        runBlocking {
            val change = async(Dispatchers.Unconfined) { one.accountChanges().first { it.isDeviceActivated == false } }
            val otherChange = async(Dispatchers.Unconfined) { other.accountChanges().first { it.isDeviceActivated == true } }
            enroll(other, "other", otherPin)
            one.device.removeEnrollments()
            withTimeout(DEADLINE_SECONDS * 1000) {
                assertEquals(false, change.await().isDeviceActivated)
                assertEquals(true, otherChange.await().isDeviceActivated)
            }
        }
        one.close()
        other.close()
    }

    @Test
    fun `a callback that blocks delays its own session alone, and must not wait for another one`() {
        val (one, other) = Pair(open("one"), open("other"))
        val (entered, gate) = Pair(CountDownLatch(2), CountDownLatch(1))
        val (otherGate, refused) = Pair(CountDownLatch(1), LinkedBlockingQueue<Throwable>())
        // The result cannot be there before the callback below waits for it.
        other.get(VERSION) {
            entered.countDown()
            otherGate.await()
        }
        one.get(VERSION) {
            val waited = runCatching { other.getAsync(VERSION).join() }
            refused.put(waited.exceptionOrNull() ?: AssertionError("it waited"))
            entered.countDown()
            gate.await()
        }
        entered.pass()
        otherGate.countDown()
        assertTrue(refused.single() is IllegalStateException)
        val held = one.getAsync(VERSION)
        other.getAsync(VERSION).value()
        assertFalse(held.isDone)
        gate.countDown()
        held.value()
        one.close()
        other.close()
    }

    @Test
    fun `two callbacks that close each other's session do not wait for each other`() {
        val (one, other) = Pair(open("one"), open("other"))
        val (both, closed) = Pair(CountDownLatch(2), CountDownLatch(2))
        for ((mine, next) in listOf(one to other, other to one)) {
            mine.get(VERSION) {
                both.countDown()
                both.await()
                next.close()
                closed.countDown()
            }
        }
        closed.pass()
        // A call fails with 2001 until the running callback has returned.
        for (session in listOf(one, other)) {
            generateSequence { cause(session.getAsync(VERSION)) }.first { it is SessionClosedException }
        }
    }

    @Test
    fun `threads that call while another one closes get a message or an exception`() {
        open("other").use { other ->
            repeat(5) {
                val session = open("one")
                val (begun, accepted, told) = List(3) { AtomicInteger() }
                val wrong = LinkedBlockingQueue<Any>()
                val threads = List(4) {
                    thread {
                        try {
                            while (true) {
                                begun.incrementAndGet()
                                try {
                                    session.get(VERSION) { message ->
                                        told.incrementAndGet()
                                        if (message["status"] != "SUCCEEDED" && code(message) != 2001) wrong.put(message)
                                    }
                                    accepted.incrementAndGet()
                                } catch (_: QueueFullException) {
                                }
                            }
                        } catch (failure: Throwable) {
                            if (failure !is SessionClosedException) wrong.put(failure)
                        }
                    }
                }
                while (begun.get() < 100) Thread.yield()
                session.close()
                threads.forEach(Thread::join)
                assertEquals(accepted.get(), told.get())
                assertTrue(wrong.isEmpty(), wrong.toString())
                other.getAsync(VERSION).value()
            }
        }
    }
}
