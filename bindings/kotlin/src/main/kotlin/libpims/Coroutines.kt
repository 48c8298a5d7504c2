package libpims

import kotlinx.coroutines.CancellableContinuation
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.buffer
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.suspendCancellableCoroutine

/**
 * The account's changes, as they come. Each collector has a subscription of its own, which ends with it, and the library has one at a time: a second
 * collector fails with 2005, so share the flow (`shareIn`) where several listen. A release of the facade ends the subscription without a word.
 * Needs kotlinx-coroutines, which this package does not bring along.
 */
fun Pims.accountChanges(): Flow<AccountChange> = callbackFlow {
    val subscription = watch(object : AccountWatcher {
        override fun onChange(change: AccountChange) {
            trySend(change)
        }

        override fun onFailure(failure: PimsException) {
            close(failure)
        }
    })
    awaitClose(subscription::close)
}.buffer(Channel.UNLIMITED)

/** The use of kotlinx-coroutines by `suspend` functions, where a program has it. */
internal object Cancellation {
    val isThere: Boolean = try {
        CancellableWait.type
        true
    } catch (_: LinkageError) {
        false
    }

    suspend fun <T> await(operation: Operation<T>): T = CancellableWait.await(operation)
}

/** Is loaded only where kotlinx-coroutines is there. */
private object CancellableWait {
    val type: Class<*> get() = CancellableContinuation::class.java

    suspend fun <T> await(operation: Operation<T>): T = suspendCancellableCoroutine { operation.begin(it::resumeWith) }
}
