package libpims

/** A change of the account. What did not change is null. */
data class AccountChange(val isDeviceActivated: Boolean?, val accountState: AccountState?)

/** The receiver of changes of the account. */
fun interface AccountWatcher {
    /** On the library's thread. */
    fun onChange(change: AccountChange)

    /** The subscription was refused, and nothing follows. By default [Pims.onException] is told. */
    fun onFailure(failure: PimsException): Unit = throw failure
}

/** A subscription. [close] ends it. */
class Subscription internal constructor(private val api: String, private val callback: Callback) : AutoCloseable {
    /** Guards what follows. */
    private val lock = Any()

    /** The id of its messages; null until its acknowledgment. */
    private var transactionId: String? = null
    private var isClosed = false

    internal fun begin(parameters: Map<String, Any?>) =
        Pims.call(Native.SUBSCRIBE, api, parameters) { bytes ->
            Pims.deliver(bytes) { message -> if (isWanted(message)) callback.onMessage(message) }
        }

    /** Notes the acknowledgment. Returns whether the callback gets this message. */
    private fun isWanted(message: Map<String, Any?>): Boolean {
        val isAcknowledgment = message["status"] == "SUCCEEDED"
        val isWanted = synchronized(lock) {
            if (isAcknowledgment) {
                transactionId = message["transactionId"] as String
            }
            !isClosed
        }
        // Before the calls that wait: the next subscription may be one of them.
        if (isAcknowledgment && !isWanted) Pims.encoded(ending()) { bytes -> NativeLibrary.get().end(api.toByteArray(), bytes) }
        return isWanted
    }

    /**
     * Ends the subscription, and no other one. It never waits: a message that another thread handles now is its last one. Another subscription may
     * follow at once, also where this one was not acknowledged yet. Twice is harmless.
     */
    override fun close() {
        val isAcknowledged = synchronized(lock) {
            if (isClosed) return
            isClosed = true
            transactionId != null
        }
        // If not, its acknowledgment ends it.
        if (!isAcknowledged) return
        try {
            Pims.call(Native.UNSUBSCRIBE, api, ending(), Once { })
        } catch (_: QueueFullException) {
            // A place is reserved for this call: the library has no such subscription any more.
        }
    }

    private fun ending() = mapOf("transactionId" to synchronized(lock) { transactionId })
}

/** Changes of the account, with types. */
internal object Subscriptions {
    private const val ACCOUNT = "pims.authentication.account"

    fun watch(watcher: AccountWatcher): Subscription {
        val parameters = mapOf("actionType" to "strong", "type" to listOf("isDeviceActivated", "isAccountBlocked"))
        return Pims.subscribe(ACCOUNT, parameters) { message ->
            when (message["status"]) {
                "RESULT" -> watcher.onChange(change(message["result"] as Map<*, *>))
                "FAILED" -> watcher.onFailure(PimsException.of(message))
            }
        }
    }

    private fun change(result: Map<*, *>) = AccountChange(
        result["isDeviceActivated"] as? Boolean,
        (result["isAccountBlocked"] as? String)?.let(AccountState::valueOf),
    )
}
