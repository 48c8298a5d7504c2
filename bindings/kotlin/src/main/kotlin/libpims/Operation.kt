package libpims

import java.util.concurrent.CancellationException
import java.util.concurrent.CompletableFuture
import java.util.concurrent.TimeUnit
import java.util.concurrent.TimeoutException
import kotlin.coroutines.ContinuationInterceptor
import kotlin.coroutines.coroutineContext
import kotlin.coroutines.suspendCoroutine

/** The handler of wrong PINs that a message reports beside its result. */
fun interface WrongPinsHandler {
    /** Runs on the library's thread. An exception goes to [Pims.onException]. */
    fun onWrongPins(wrong: WrongPins)
}

/** A call that has not begun, and the conversion of its message to a value. It begins once. */
internal class Operation<T>(
    private val facade: Facade,
    private val call: (Callback) -> Unit,
    private val recover: (PimsException) -> T? = { null },
    private val read: (Any?) -> T,
) {
    /** Begins the call. Throws the exceptions of the call; then [then] is not called. */
    fun begin(then: (Result<T>) -> Unit) = call { message ->
        WrongPins.of(message)?.let { wrong -> Pims.guarded { facade.onWrongPins?.onWrongPins(wrong) } }
        then(
            runCatching {
                if (message["status"] == "SUCCEEDED") {
                    read(message["result"])
                } else {
                    val failure = PimsException.of(message)
                    recover(failure) ?: throw failure
                }
            },
        )
    }

    suspend fun await(): T {
        // The event loop of a runBlocking that began in a callback: it waits on the thread that
        // delivers the result.
        val loop = coroutineContext[ContinuationInterceptor]?.javaClass?.name
        if (loop == "kotlinx.coroutines.BlockingEventLoop") LibraryThread.refuseToWait()
        return if (Cancellation.isThere) Cancellation.await(this) else suspendCoroutine { begin(it::resumeWith) }
    }

    suspend fun result(): Result<T> = try {
        Result.success(await())
    } catch (cancelled: CancellationException) {
        throw cancelled
    } catch (refused: Exception) {
        Result.failure(refused)
    }

    fun future(): CompletableFuture<T> = future { it }

    /** Returns a future for Java, whose void has no value. */
    fun nothing(): CompletableFuture<Void?> = future { null }

    private fun <U> future(map: (T) -> U): CompletableFuture<U> {
        val future = PimsFuture<U>()
        try {
            begin { result -> result.fold({ future.complete(map(it)) }, { future.completeExceptionally(it) }) }
        } catch (refused: Throwable) {
            future.completeExceptionally(refused)
        }
        return future
    }
}

/**
 * A future that refuses to wait on the library's thread, because such a wait would never end. The
 * stages that are made of it refuse it, too.
 */
internal class PimsFuture<T> : CompletableFuture<T>() {
    override fun <U> newIncompleteFuture(): CompletableFuture<U> = PimsFuture()

    override fun get(): T {
        prepareToWait()
        return super.get()
    }

    override fun get(timeout: Long, unit: TimeUnit): T {
        if (!isDone) LibraryThread.refuseToWait()
        return super.get(timeout, unit)
    }

    override fun join(): T {
        prepareToWait()
        return super.join()
    }

    private fun prepareToWait() {
        if (isDone) return
        LibraryThread.refuseToWait()
        if (!LibraryThread.isEnding) return
        val isOver = LibraryThread.awaitInHook { milliseconds ->
            try {
                super.get(milliseconds, TimeUnit.MILLISECONDS)
            } catch (_: TimeoutException) {
            } catch (_: Exception) {
                // The caller gets the exception by its own call.
            }
            isDone
        }
        check(isOver) { "the program ends, and a callback keeps the library from telling the result" }
    }
}

/** The operations of a facade that are not typed, and those of which a typed one is made. */
internal abstract class UntypedOperations(private val facade: Facade) {
    fun get(api: String, parameters: Map<String, Any?>): Operation<Any?> = get(api, parameters) { it }

    fun set(api: String, parameters: Map<String, Any?>): Operation<Any?> = set(api, parameters) { it }

    protected fun <T> get(api: String, parameters: Map<String, Any?>, read: (Any?) -> T) =
        Operation(facade, { facade.get(api, parameters, it) }, read = read)

    protected fun <T> set(api: String, parameters: Map<String, Any?>, read: (Any?) -> T) =
        Operation(facade, { facade.set(api, parameters, it) }, read = read)

    /**
     * Returns a change of the account. The failure 2316 means that the change is done. Only a
     * synchronization is left, which the next operation makes.
     */
    protected fun change(api: String, parameters: Map<String, Any?>) =
        Operation(facade, { facade.set(api, parameters, it) }, { if (it.reason == Code.POST_SYNCHRONIZATION) Unit else null }) { }

    protected fun Any?.member(name: String): Any? = (this as? Map<*, *>)?.get(name)
}
