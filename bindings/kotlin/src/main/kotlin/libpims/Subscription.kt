package libpims

/** A change of the account. Members that did not change are null. */
data class AccountChange(
    val isDeviceActivated: Boolean?,
    val accountState: AccountState?,
    /** New events of the account, the oldest first, if the program watches them. */
    val notices: List<AccountNotice>? = null,
    /** The approval of a new device, if the program watches it. */
    val approval: Approval? = null,
)

/** The receiver of changes of the account. */
fun interface AccountWatcher {
    /** Runs on the library's thread. */
    fun onChange(change: AccountChange)

    /**
     * Receives a failure: the subscription was refused, and no event follows. By default
     * [Pims.onException] gets it.
     */
    fun onFailure(failure: PimsException): Unit = throw failure
}

/** A subscription. [close] ends it. */
class Subscription internal constructor(private val facade: Facade, private val api: String, private val callback: Callback) : AutoCloseable {
    /** Guards the members below. */
    private val lock = Any()

    /** The id of the subscription's messages; null until its acknowledgment. */
    private var transactionId: String? = null
    private var isClosed = false

    internal fun begin(parameters: Map<String, Any?>) =
        facade.call(Native.SUBSCRIBE, api, parameters) { bytes ->
            Pims.deliver(bytes) { message -> if (isWanted(message)) callback.onMessage(message) }
        }

    /** Stores the id of the acknowledgment. Returns true if the callback gets this message. */
    private fun isWanted(message: Map<String, Any?>): Boolean {
        val isAcknowledgment = message["status"] == "SUCCEEDED"
        val isWanted = synchronized(lock) {
            if (isAcknowledgment) {
                transactionId = message["transactionId"] as String
            }
            !isClosed
        }
        // Before the calls in the queue: the next subscription may be one of them.
        if (isAcknowledgment && !isWanted) facade.end(api, ending())
        return isWanted
    }

    /**
     * Ends the subscription, and no other one. It never waits: if another thread handles a message
     * now, that message is the last one. The program may subscribe again at once, even if this
     * subscription was not acknowledged yet. A second call has no effect.
     */
    override fun close() {
        val isAcknowledged = synchronized(lock) {
            if (isClosed) return
            isClosed = true
            transactionId != null
        }
        // If the subscription has no acknowledgment, its acknowledgment ends it.
        if (!isAcknowledged) return
        try {
            facade.call(Native.UNSUBSCRIBE, api, ending(), Once { })
        } catch (_: QueueFullException) {
            // The queue has a place reserved for this call. The subscription has ended, or another
            // call that ends it waits already.
        } catch (_: SessionClosedException) {
            // The subscription ended with its session.
        }
    }

    private fun ending() = mapOf("transactionId" to synchronized(lock) { transactionId })
}

/** The changes of the account, with types. */
internal object Subscriptions {
    private const val ACCOUNT = "pims.authentication.account"

    fun watch(facade: Facade, watcher: AccountWatcher, notices: Boolean = false, approval: Boolean = false): Subscription {
        val topics = buildList {
            add("isDeviceActivated")
            add("isAccountBlocked")
            if (notices) add("notices")
            if (approval) add("approval")
        }
        return facade.subscribe(ACCOUNT, mapOf("actionType" to "strong", "type" to topics)) { message ->
            when (message["status"]) {
                "RESULT" -> watcher.onChange(change(message["result"] as Map<*, *>))
                "FAILED" -> watcher.onFailure(PimsException.of(message))
            }
        }
    }

    private fun change(result: Map<*, *>) = AccountChange(
        result["isDeviceActivated"] as? Boolean,
        (result["isAccountBlocked"] as? String)?.let(AccountState::valueOf),
        (result["notices"] as? List<*>)?.map(AccountNotice::of),
        result["approval"]?.let(Approval::of),
    )
}
