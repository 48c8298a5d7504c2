package libpims

import java.util.concurrent.CancellationException
import java.util.concurrent.CompletableFuture
import java.util.concurrent.atomic.AtomicReference

/**
 * A facade of its own, from its creation to its release:
 * `Session.open(config).use { session -> … }`.
 *
 * A process may have any number of sessions at once, one for each account. Each has its own
 * `storage.path`, log, queue and thread. A session is not the default facade of [Pims].
 *
 * Any thread may call, and close, while others call. The functions throw [PimsException], the
 * exceptions of the function of the same name of [Pims], and [SessionClosedException] after
 * [close]. A call that [close] overtakes fails with 2001.
 */
class Session private constructor(handle: Long) : AutoCloseable {
    internal val facade = Facade(handle) { onWrongPins ?: Pims.onWrongPins }
    private val operations = Operations(facade)

    /** The handler of wrong PINs for this account. Without one, [Pims.onWrongPins] gets them. */
    @Volatile
    var onWrongPins: WrongPinsHandler? = null

    /** The operations of the component. */
    val device = Device(operations)

    /** The operations of the component, for Java: each one returns a future. */
    val deviceAsync = StrongAuthenticationAsync(operations)

    /** Returns the `result`. A cancelled call counts, as [Pims.initialize] says. */
    suspend fun get(api: String, parameters: Map<String, Any?> = emptyMap()): Any? = operations.get(api, parameters).await()

    /** Does the same as [get], for a change or an action. */
    suspend fun set(api: String, parameters: Map<String, Any?> = emptyMap()): Any? = operations.set(api, parameters).await()

    /** Returns the `result` as a future, like [Pims.getAsync]. */
    @JvmOverloads
    fun getAsync(api: String, parameters: Map<String, Any?> = emptyMap()): CompletableFuture<Any?> = operations.get(api, parameters).future()

    /** Does the same as [getAsync], for a change or an action. */
    @JvmOverloads
    fun setAsync(api: String, parameters: Map<String, Any?> = emptyMap()): CompletableFuture<Any?> = operations.set(api, parameters).future()

    /** Requests data, like [Pims.get] with a callback. */
    @JvmOverloads
    fun get(api: String, parameters: Map<String, Any?> = emptyMap(), callback: Callback) = facade.get(api, parameters, callback)

    /** Changes data, or performs an action, like [Pims.set] with a callback. */
    @JvmOverloads
    fun set(api: String, parameters: Map<String, Any?> = emptyMap(), callback: Callback) = facade.set(api, parameters, callback)

    /** Asks for events, like [Pims.subscribe]. Each session has a subscription of its own. */
    @JvmOverloads
    fun subscribe(api: String, parameters: Map<String, Any?> = emptyMap(), callback: Callback): Subscription =
        facade.subscribe(api, parameters, callback)

    /** Watches the account, like [Pims.watch]. */
    fun watch(watcher: AccountWatcher): Subscription = Subscriptions.watch(facade, watcher)

    /** Watches the account with further topics, like [Pims.watch]. */
    fun watch(notices: Boolean = false, approval: Boolean = false, watcher: AccountWatcher): Subscription =
        Subscriptions.watch(facade, watcher, notices, approval)

    /**
     * Releases this facade, like [Pims.release]. In a callback of any facade it returns at once. A
     * second call has no effect.
     */
    override fun close() = facade.close()

    /** An opening. If it ends without its session, that is closed as soon as it exists. */
    private class Opening {
        /** The session, or this object if the opening ended without it. */
        private val outcome = AtomicReference<Any?>()

        fun operation(open: (Callback) -> Unit): Operation<Session> = Operation(Facade.DEFAULT, open) { result ->
            Session(((result as Map<*, *>)["facade"] as Number).toLong()).also { if (!outcome.compareAndSet(null, it)) it.close() }
        }

        fun cancel() {
            (outcome.getAndSet(this) as? Session)?.close()
        }

        /** Takes the value of the future, which is not the session after a failure or a timeout. */
        fun end(value: Session?) {
            if (value == null || outcome.get() !== value) cancel()
        }
    }

    companion object {
        /**
         * Creates a facade beside the others. If the coroutine is cancelled meanwhile, the facade
         * is released as soon as it exists.
         */
        suspend fun open(config: Map<String, Any?>): Session = opening { Facade.open(config, it) }

        /** Does the same with the storage's key from [store]. */
        suspend fun open(config: Map<String, Any?>, store: SecureStore): Session = opening { open(config, store, it) }

        /**
         * Creates a facade beside the others, for Java:
         * `try (Session session = Session.openAsync(config).join()) { … }`. If the future ends
         * before the facade exists, by `cancel`, `orTimeout` or `completeOnTimeout`, the facade is
         * released as soon as it exists. `get` with a timeout does not end the future.
         */
        @JvmStatic
        fun openAsync(config: Map<String, Any?>): CompletableFuture<Session> = future { Facade.open(config, it) }

        /** Does the same with the storage's key from [store]. */
        @JvmStatic
        fun openAsync(config: Map<String, Any?>, store: SecureStore): CompletableFuture<Session> = future { open(config, store, it) }

        private fun open(config: Map<String, Any?>, store: SecureStore, callback: Callback) =
            StorageKey.with(config, store) { Facade.open(it, callback) }

        private suspend fun opening(open: (Callback) -> Unit): Session {
            val opening = Opening()
            try {
                return opening.operation(open).await()
            } catch (cancelled: CancellationException) {
                opening.cancel()
                throw cancelled
            }
        }

        private fun future(open: (Callback) -> Unit): CompletableFuture<Session> {
            val opening = Opening()
            val future = opening.operation(open).future()
            future.whenComplete { session, _ -> opening.end(session) }
            return future
        }
    }
}
