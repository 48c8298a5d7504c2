package libpims.bench

import java.nio.file.Files
import java.util.concurrent.Semaphore
import kotlin.coroutines.Continuation
import kotlin.coroutines.EmptyCoroutineContext
import kotlin.coroutines.startCoroutine
import libpims.Callback
import libpims.Pims

// The cost of a call from Kotlin. `make bench` prints it beside that of other languages.

private const val API = "pims.authentication.account"
private val PARAMETERS = mapOf("actionType" to "strong", "type" to "isDeviceActivated")
private const val BATCHES = 31
private const val CALLS = 2000

/**
 * Returns the nanoseconds of a call: the median over batches. The first batches warm up the virtual
 * machine's compiler.
 */
private fun median(batch: () -> Unit): Double {
    repeat(5) { batch() }
    return List(BATCHES) {
        val begin = System.nanoTime()
        batch()
        (System.nanoTime() - begin).toDouble() / CALLS
    }.sorted()[BATCHES / 2]
}

private fun callbacks() {
    val arrived = Semaphore(0)
    val callback = Callback { arrived.release() }
    repeat(CALLS) {
        Pims.get(API, PARAMETERS, callback)
        arrived.acquire()
    }
}

private fun waiting() {
    val done = Semaphore(0)
    suspend { repeat(CALLS) { Pims.get(API, PARAMETERS).getOrThrow() } }
        .startCoroutine(Continuation(EmptyCoroutineContext) { done.release() })
    done.acquire()
}

fun main() {
    val folder = Files.createTempDirectory("pims-bench")
    val begun = Semaphore(0)
    Pims.initialize(mapOf("storage" to mapOf("path" to folder.toString()))) { begun.release() }
    begun.acquire()
    println("  %-52s %10.0f".format("Kotlin: Pims.get with its callback", median(::callbacks)))
    println("  %-52s %10.0f".format("Kotlin: suspend Pims.get", median(::waiting)))
    Pims.release()
    folder.toFile().deleteRecursively()
}
