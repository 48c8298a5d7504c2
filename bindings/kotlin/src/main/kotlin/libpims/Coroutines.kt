package libpims

import kotlinx.coroutines.CancellableContinuation
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.buffer
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.suspendCancellableCoroutine

/**
 * Returns the account's changes as a flow, with [notices] and the [approval] of a new device as far
 * as they are wanted, see [Pims.watch]. Each collector has a subscription of its own, which ends
 * with the collector. A facade has one at a time, so a second collector fails with 2005: share the
 * flow (`shareIn`) among several listeners. A release of the facade ends the subscription without a
 * message. Needs kotlinx-coroutines, which is no dependency of this package.
 */
fun Pims.accountChanges(notices: Boolean = false, approval: Boolean = false): Flow<AccountChange> =
    changes(Facade.DEFAULT, notices, approval)

/** Does the same for the account of a session. */
fun Session.accountChanges(notices: Boolean = false, approval: Boolean = false): Flow<AccountChange> = changes(facade, notices, approval)

private fun changes(facade: Facade, notices: Boolean, approval: Boolean): Flow<AccountChange> = callbackFlow {
    val watcher = object : AccountWatcher {
        override fun onChange(change: AccountChange) {
            trySend(change)
        }

        override fun onFailure(failure: PimsException) {
            close(failure)
        }
    }
    val subscription = Subscriptions.watch(facade, watcher, notices, approval)
    awaitClose(subscription::close)
}.buffer(Channel.UNLIMITED)

/** The use of kotlinx-coroutines by `suspend` functions, in a program that has it. */
internal object Cancellation {
    val isThere: Boolean = try {
        CancellableWait.type
        true
    } catch (_: LinkageError) {
        false
    }

    suspend fun <T> await(operation: Operation<T>): T = CancellableWait.await(operation)
}

/** A class that is loaded only if kotlinx-coroutines exists. */
private object CancellableWait {
    val type: Class<*> get() = CancellableContinuation::class.java

    suspend fun <T> await(operation: Operation<T>): T = suspendCancellableCoroutine { operation.begin(it::resumeWith) }
}
