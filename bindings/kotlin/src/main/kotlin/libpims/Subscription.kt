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
class Subscription internal constructor(
    internal val api: String,
    internal val parameters: Map<String, Any?>,
    internal val callback: Callback,
) : AutoCloseable {
    // Guarded by the monitor of Subscriptions.
    internal var isAcknowledged = false
    internal var isClosed = false
    internal var isBehindClosed = false
    internal var early: Map<String, Any?>? = null

    /**
     * Ends the subscription. It never waits: a message that another thread handles now is its last one. Another subscription may follow at once,
     * also where this one was not acknowledged yet. Twice is harmless.
     */
    override fun close() = Subscriptions.close(this)
}

/**
 * The subscriptions of this process. The library has one at a time, and knows it by its api alone: what ends one that is not acknowledged must not
 * end another one in its place. Calls reach the library in the order in which this monitor is taken.
 */
internal object Subscriptions {
    private const val ACCOUNT = "pims.authentication.account"

    /** Those that the library has or may come to have, in the order of their calls. */
    private val live = ArrayList<Subscription>()

    /** Those that are to end as soon as the queue, which was full, has room. */
    private val leftOver = ArrayList<Subscription>()

    fun begin(api: String, parameters: Map<String, Any?>, callback: Callback): Subscription {
        val subscription = Subscription(api, parameters, callback)
        val early = synchronized(this) {
            endLeftOver()
            if (leftOver.isNotEmpty()) throw QueueFullException()
            handIn(subscription)
            subscription.early
        }
        // Told at once, on this thread: there is no facade.
        if (early != null) Pims.guarded { callback.onMessage(early) }
        return subscription
    }

    private fun handIn(subscription: Subscription) {
        subscription.isBehindClosed = live.any { it.isClosed }
        live.add(subscription)
        try {
            Pims.call(Native.SUBSCRIBE, subscription.api, subscription.parameters) { bytes ->
                Pims.deliver(bytes) { message -> if (isWanted(subscription, message)) subscription.callback.onMessage(message) }
            }
        } catch (refused: Throwable) {
            live.remove(subscription)
            throw refused
        }
    }

    /** Notes a message. Returns whether the callback gets it, here and now. */
    private fun isWanted(subscription: Subscription, message: Map<String, Any?>): Boolean {
        val isAtOnce = Thread.holdsLock(this)
        synchronized(this) {
            if (!subscription.isAcknowledged) {
                if (message["status"] == "SUCCEEDED") {
                    subscription.isAcknowledged = true
                    if (subscription.isClosed && subscription in live) end(subscription)
                } else {
                    live.remove(subscription)
                    if (isAgain(subscription, message)) return false
                }
            }
            if (isAtOnce) subscription.early = message
            return !subscription.isClosed && !isAtOnce
        }
    }

    /** Hands a subscription in again that was refused because of one that was closed before. Returns whether it did. */
    private fun isAgain(subscription: Subscription, message: Map<String, Any?>): Boolean {
        if (!subscription.isBehindClosed || subscription.isClosed) return false
        if (PimsException.of(message).reason != Code.DUPLICATE) return false
        return try {
            endLeftOver()
            leftOver.isEmpty() && run { handIn(subscription); true }
        } catch (_: QueueFullException) {
            false
        }
    }

    @Synchronized
    fun close(subscription: Subscription) {
        if (subscription.isClosed) return
        subscription.isClosed = true
        val place = live.indexOf(subscription)
        // Behind another one it may be refused: then an end would be that one's. Its acknowledgment tells.
        if (place == 0 || place > 0 && subscription.isAcknowledged) end(subscription)
    }

    private fun end(subscription: Subscription) {
        live.remove(subscription)
        if (!isEnded(subscription)) leftOver.add(subscription)
    }

    private fun isEnded(subscription: Subscription): Boolean = try {
        Pims.call(Native.UNSUBSCRIBE, subscription.api, emptyMap(), Once { })
        true
    } catch (_: QueueFullException) {
        false
    }

    /** Ends what a full queue left over. It is tried again after each message. */
    @Synchronized
    fun endLeftOver() {
        val waiting = leftOver.toList()
        leftOver.clear()
        waiting.filterNotTo(leftOver, ::isEnded)
    }

    /** Ends by the api. What was asked for before ends with it, unless the call is refused. */
    fun unsubscribe(api: String, parameters: Map<String, Any?>, callback: Callback) {
        var early: Map<String, Any?>? = null
        synchronized(this) {
            val ended = live.toList()
            live.clear()
            val once = Once { message ->
                if (message["status"] != "SUCCEEDED") restore(ended)
                if (Thread.holdsLock(this)) early = message else callback.onMessage(message)
            }
            try {
                Pims.call(Native.UNSUBSCRIBE, api, parameters, once)
            } catch (refused: Throwable) {
                live.addAll(ended)
                throw refused
            }
        }
        early?.let { message -> Pims.guarded { callback.onMessage(message) } }
    }

    @Synchronized
    private fun restore(subscriptions: List<Subscription>) {
        live.addAll(0, subscriptions)
        subscriptions.filter { it.isClosed && it.isAcknowledged }.forEach(::end)
    }

    /** The facade is released, and they with it. */
    @Synchronized
    fun forget() {
        live.clear()
        leftOver.clear()
    }

    fun watch(watcher: AccountWatcher): Subscription {
        val parameters = mapOf("actionType" to "strong", "type" to listOf("isDeviceActivated", "isAccountBlocked"))
        return begin(ACCOUNT, parameters) { message ->
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
