package libpims

import java.util.concurrent.CancellationException
import java.util.concurrent.CompletableFuture
import java.util.concurrent.atomic.AtomicReference

/**
 * The facade, from its creation to its release: `Session.open(config).use { session -> … }`. The
 * functions throw [PimsException], or the exceptions of the function of the same name of [Pims]. A
 * process has one session at a time; a second one is 2007.
 */
class Session private constructor() : AutoCloseable {
    private enum class State { OPENING, OPEN, CLOSED }

    private val state = AtomicReference(State.OPENING)

    /** The operations of the component. */
    val device = Device()

    /** The operations of the component, for Java: each one returns a future. */
    val deviceAsync: StrongAuthenticationAsync get() = StrongAuthenticationAsync

    /** Returns the `result`. A cancelled call counts, as [Pims.initialize] says. */
    suspend fun get(api: String, parameters: Map<String, Any?> = emptyMap()): Any? = Operations.get(api, parameters).await()

    /** Does the same as [get], for a change or an action. */
    suspend fun set(api: String, parameters: Map<String, Any?> = emptyMap()): Any? = Operations.set(api, parameters).await()

    /** Watches the account, like [Pims.watch]. */
    fun watch(watcher: AccountWatcher): Subscription = Pims.watch(watcher)

    /**
     * Releases the facade, like [Pims.release]. It does so once, and it does not release a newer
     * facade that other code made.
     */
    override fun close() {
        if (state.getAndSet(State.CLOSED) == State.OPEN && current.compareAndSet(this, null)) Pims.release()
    }

    /** Records that the facade exists. If the session was closed meanwhile, releases the facade. */
    private fun opened() {
        current.set(this)
        if (!state.compareAndSet(State.OPENING, State.OPEN)) Pims.release()
    }

    private fun operation(initialize: (Callback) -> Unit): Operation<Session> = Operation(initialize) { also { opened() } }

    companion object {
        private val current = AtomicReference<Session?>()

        internal fun forget() = current.set(null)

        /**
         * Creates the facade. If the coroutine is cancelled meanwhile, the facade is released as
         * soon as it exists.
         */
        suspend fun open(config: Map<String, Any?>): Session = opening { Pims.initialize(config, it) }

        /** Does the same with the storage's key from [store]. */
        suspend fun open(config: Map<String, Any?>, store: SecureStore): Session = opening { Pims.initialize(config, store, it) }

        /**
         * Creates the facade, for Java:
         * `try (Session session = Session.openAsync(config).join()) { … }`.
         */
        @JvmStatic
        fun openAsync(config: Map<String, Any?>): CompletableFuture<Session> = future { Pims.initialize(config, it) }

        /** Does the same with the storage's key from [store]. */
        @JvmStatic
        fun openAsync(config: Map<String, Any?>, store: SecureStore): CompletableFuture<Session> = future { Pims.initialize(config, store, it) }

        private suspend fun opening(initialize: (Callback) -> Unit): Session {
            val session = Session()
            try {
                return session.operation(initialize).await()
            } catch (cancelled: CancellationException) {
                session.close()
                throw cancelled
            }
        }

        private fun future(initialize: (Callback) -> Unit): CompletableFuture<Session> {
            val session = Session()
            val future = session.operation(initialize).future()
            future.whenComplete { _, failure -> if (failure is CancellationException) session.close() }
            return future
        }
    }
}
