package libpims

import java.util.concurrent.CountDownLatch
import kotlin.concurrent.thread
import kotlin.system.exitProcess

// The programs of EndTest.

fun main(arguments: Array<String>) {
    val (program, folder) = arguments
    val config = mapOf("storage" to mapOf("path" to "$folder/state"))
    when (program) {
        "missing" -> return missing(config)
        "withoutCoroutines" -> return withoutCoroutines(config)
    }
    waiting { Pims.initialize(config) }.getOrThrow()
    val session = waiting { Session.open(mapOf("storage" to mapOf("path" to "$folder/other"))) }
    val never = CountDownLatch(1)
    Runtime.getRuntime().addShutdownHook(
        thread(start = false) {
            if (program == "joinInHook") {
                try {
                    Pims.getAsync(VERSION).join()
                } catch (refused: IllegalStateException) {
                    println(refused.message)
                }
            }
            session.close()
            Pims.release()
            println("released")
        },
    )
    when (program) {
        "exitInCallback", "joinInHook" -> Pims.get(VERSION) { exitProcess(7) }
        "exitInSession" -> session.get(VERSION) { exitProcess(7) }
        "exitInEvent" -> {
            Pims.watch { exitProcess(7) }
            waiting { Pims.strongAuthentication.requestPhoneNumberCode(PHONE_NUMBER) }.getOrThrow()
            val code = Regex("\"code\":\"([0-9]+)\"").findAll(java.io.File("$folder/state/sms-outbox.jsonl").readText()).last().groupValues[1]
            Pims.strongAuthenticationAsync.enrollWithPhoneNumber(PIN, code, PHONE_NUMBER)
        }
        "exitInCoroutine" -> waiting<Unit> {
            Pims.get(VERSION)
            exitProcess(7)
        }
        "exitInFuture" -> Pims.getAsync(VERSION).thenAccept { exitProcess(7) }
        "exitOfAnotherThread" -> Pims.get(VERSION) { thread { exitProcess(7) }.join() }
        "exitWhileReleasing" -> {
            Pims.get(VERSION) { exitProcess(7) }
            Pims.release()
        }
        "signal" -> Pims.get(VERSION) {
            println("in the callback")
            never.await()
        }
        "workInCallback" -> {
            val begun = CountDownLatch(1)
            Pims.get(VERSION) {
                begun.countDown()
                // Meanwhile the hooks run.
                while (!LibraryThread.isEnding) Thread.sleep(1)
                Thread.sleep(200)
                println("worked")
            }
            begun.await()
            exitProcess(7)
        }
    }
    never.await()
}

private fun missing(config: Map<String, Any?>) {
    val calls = listOf<() -> Any?>(
        { Pims.initialize(config) {} }, { Pims.get(VERSION) {} }, { Pims.version },
        { Pims.getAsync(VERSION).handle { _, failure -> throw failure }.join() },
    )
    for (call in calls) {
        try {
            call()
        } catch (failure: Throwable) {
            println("failure: " + (generateSequence(failure) { it.cause }.first { it is LinkageError }).toString().replace('\n', ' '))
        }
    }
}

private fun withoutCoroutines(config: Map<String, Any?>) = waiting {
    Session.open(config).use { session ->
        session.get(VERSION)
        session.device.isActivated()
        session.watch { }.close()
    }
    println(if (Cancellation.isThere) "with" else "without kotlinx-coroutines")
}
