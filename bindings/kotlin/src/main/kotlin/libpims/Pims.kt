package libpims

import java.util.concurrent.CompletableFuture

/** The receiver of a call's messages: `transactionId`, `status`, and `result` or `error`. */
fun interface Callback {
    fun onMessage(message: Map<String, Any?>)
}

/** The handler of exceptions that callbacks throw. */
fun interface ExceptionHandler {
    /** Runs on the callback's thread. An exception of this handler is lost. */
    fun onException(exception: Throwable)
}

/**
 * The default facade of this process. Operations: docs/api.md. Behaviour: docs/c-abi.md. A
 * [Session] has a facade of its own.
 *
 * Callbacks run on the facade's one thread, `libpims`, in the order of the calls, never two at
 * once. They run on the calling thread without a facade (2001) and for failures of [initialize].
 * They may call every function here, but must not wait for a result: a future of this package
 * refuses that by an [IllegalStateException]. Their exceptions go to [onException]. Each callback
 * begins with the class loader of this package and without an interrupt.
 *
 * Parameters are maps of texts, numbers, booleans, nulls, lists, arrays and maps, and of the types
 * that the README names. A text may be a [CharArray], which its owner can wipe. Integers of
 * messages are [Int], [Long] or [java.math.BigInteger]; other numbers are [Double].
 *
 * Each function that needs the native library throws an [UnsatisfiedLinkError] if it is not found;
 * the error names the places that were tried.
 */
object Pims {
    /** The longest parameters, in bytes of UTF-8. */
    const val MAX_TEXT = 1 shl 20

    /** The version of the native library. */
    @JvmStatic
    val version: String get() = String(NativeLibrary.get().version(), Charsets.UTF_8)

    /** The component with typed operations. */
    @JvmStatic
    val strongAuthentication: StrongAuthentication get() = StrongAuthentication

    /** The same operations for Java: each one returns a future. */
    @JvmStatic
    val strongAuthenticationAsync: StrongAuthenticationAsync get() = StrongAuthenticationAsync

    /**
     * The handler of exceptions that callbacks throw. The default prints them: to the log on
     * Android, to standard error on other systems. The next call works.
     */
    @JvmStatic
    @Volatile
    var onException: ExceptionHandler = ExceptionHandler { it.printStackTrace() }

    /**
     * The handler of wrong PINs that a message reports beside its result (docs/api.md). The
     * `suspend` functions and the futures return only results. They call this handler on the
     * library's thread before their result is there. A callback calls [WrongPins.of]. A session may
     * have a handler of its own.
     */
    @JvmStatic
    @Volatile
    var onWrongPins: WrongPinsHandler? = null

    /**
     * Creates the facade. Exactly one message comes. With 2004, 2006 or 2007 the call made no
     * facade. The call reads and creates files.
     */
    @JvmStatic
    fun initialize(config: Map<String, Any?>, callback: Callback) =
        encoded(config) { bytes ->
            val native = NativeLibrary.get()
            LibraryThread.calling { native.init(bytes, Once(callback)) }
        }

    /** Creates the facade with the storage's key from the host's store of secrets. */
    @JvmStatic
    fun initialize(config: Map<String, Any?>, store: SecureStore, callback: Callback) =
        StorageKey.with(config, store) { initialize(it, callback) }

    /**
     * Requests data: exactly one message comes. The call never waits. Throws [QueueFullException]
     * if the queue has 1,024 calls already.
     */
    @JvmStatic
    @JvmOverloads
    fun get(api: String, parameters: Map<String, Any?> = emptyMap(), callback: Callback) =
        Facade.DEFAULT.get(api, parameters, callback)

    /** Changes data, or performs an action. Otherwise like [get]. */
    @JvmStatic
    @JvmOverloads
    fun set(api: String, parameters: Map<String, Any?> = emptyMap(), callback: Callback) =
        Facade.DEFAULT.set(api, parameters, callback)

    /**
     * Asks for events: one acknowledgment, then a message `RESULT` for each event, until the
     * program closes the subscription, or calls [unsubscribe] or [release]. The library has one
     * subscription at a time: the acknowledgment of a second one is 2005. This does not happen if
     * the program closed the first one before, acknowledged or not.
     */
    @JvmStatic
    @JvmOverloads
    fun subscribe(api: String, parameters: Map<String, Any?> = emptyMap(), callback: Callback): Subscription =
        Facade.DEFAULT.subscribe(api, parameters, callback)

    /**
     * Ends the subscription to an api, no matter which call made it. With `transactionId` in the
     * parameters it ends only the subscription whose messages have this id. Exactly one message
     * comes, and no event after it.
     */
    @JvmStatic
    @JvmOverloads
    fun unsubscribe(api: String, parameters: Map<String, Any?> = emptyMap(), callback: Callback) =
        Facade.DEFAULT.unsubscribe(api, parameters, callback)

    /** Watches the account: like [subscribe] to its activation and its block, with types. */
    @JvmStatic
    fun watch(watcher: AccountWatcher): Subscription = Subscriptions.watch(Facade.DEFAULT, watcher)

    /**
     * Watches the account, with [notices] and the [approval] of a new device, too, as far as they
     * are wanted. For each of the two, the library asks the service now and then
     * (`account.askSeconds` of docs/configuration.md).
     */
    @JvmStatic
    fun watch(notices: Boolean = false, approval: Boolean = false, watcher: AccountWatcher): Subscription =
        Subscriptions.watch(Facade.DEFAULT, watcher, notices, approval)

    /**
     * Releases the default facade, and no session. When it returns, every call has had its message:
     * 2001 for a call that had not begun. On a library's thread, that is in a callback or in a
     * coroutine without a dispatcher, it returns at once. The facade is then released when its
     * callback is over. A second call has no effect.
     *
     * A shutdown hook is a good place for this call. There it does not wait for a callback that
     * called `System.exit`, which waits for the hooks. For another callback it waits at most five
     * seconds: the program always ends. The next start repairs unfinished work, as after a crash.
     */
    @JvmStatic
    fun release() = Facade.DEFAULT.close()

    /**
     * Creates the facade. Fails with a [PimsException], with an exception of the store, or with an
     * exception of the function of the same name with a callback.
     *
     * A waiting coroutine continues on its dispatcher; without one, on the library's thread. If
     * kotlinx-coroutines exists, a cancelled coroutine ends at once, but the *operation* goes on: a
     * cancelled call counts, because the service may have its request. Without kotlinx-coroutines
     * no call can be cancelled. Inside a `runBlocking` of a callback it fails with
     * [IllegalStateException].
     */
    suspend fun initialize(config: Map<String, Any?>): Result<Unit> = initializing(config).result()

    suspend fun initialize(config: Map<String, Any?>, store: SecureStore): Result<Unit> = initializing(config, store).result()

    /**
     * Returns the `result`. Fails with a [PimsException], or with an exception of the function of
     * the same name with a callback. Otherwise like [initialize].
     */
    suspend fun get(api: String, parameters: Map<String, Any?> = emptyMap()): Result<Any?> = Operations.DEFAULT.get(api, parameters).result()

    /** Does the same as [get], for a change or an action. */
    suspend fun set(api: String, parameters: Map<String, Any?> = emptyMap()): Result<Any?> = Operations.DEFAULT.set(api, parameters).result()

    /**
     * Creates the facade, for Java. The future fails with a [PimsException], with an exception of
     * the store, or with an exception of the function of the same name with a callback.
     *
     * Futures complete on the library's thread. Stages without an executor (`thenAccept`) run
     * there, too. On that thread `join` and `get` throw [IllegalStateException], because they would
     * never end. A cancelled future ends at once, but the *operation* goes on: a cancelled call
     * counts.
     */
    @JvmStatic
    fun initializeAsync(config: Map<String, Any?>): CompletableFuture<Void?> = initializing(config).nothing()

    /** Does the same with the storage's key from [store]. */
    @JvmStatic
    fun initializeAsync(config: Map<String, Any?>, store: SecureStore): CompletableFuture<Void?> = initializing(config, store).nothing()

    /**
     * Returns the `result` as a future, which may fail with a [PimsException]. Otherwise like
     * [initializeAsync].
     */
    @JvmStatic
    @JvmOverloads
    fun getAsync(api: String, parameters: Map<String, Any?> = emptyMap()): CompletableFuture<Any?> = Operations.DEFAULT.get(api, parameters).future()

    /** Does the same as [getAsync], for a change or an action. */
    @JvmStatic
    @JvmOverloads
    fun setAsync(api: String, parameters: Map<String, Any?> = emptyMap()): CompletableFuture<Any?> = Operations.DEFAULT.set(api, parameters).future()

    internal inline fun encoded(parameters: Map<String, Any?>, use: (ByteArray) -> Unit) {
        val bytes = Json.encode(parameters)
        try {
            require(bytes.size <= MAX_TEXT) { "parameters are longer than $MAX_TEXT bytes" }
            use(bytes)
        } finally {
            bytes.fill(0)
        }
    }

    private fun initializing(config: Map<String, Any?>) = Operation(Facade.DEFAULT, { initialize(config, it) }) { }

    private fun initializing(config: Map<String, Any?>, store: SecureStore) =
        Operation(Facade.DEFAULT, { initialize(config, store, it) }) { }

    internal fun deliver(message: ByteArray, callback: Callback) = LibraryThread.run {
        guarded {
            val read = try {
                @Suppress("UNCHECKED_CAST")
                Json.decode(message) as Map<String, Any?>
            } finally {
                message.fill(0)
            }
            callback.onMessage(read)
        }
    }

    /** Runs code of the caller. An exception goes to [onException]. */
    internal inline fun guarded(run: () -> Unit) {
        try {
            run()
        } catch (exception: Throwable) {
            try {
                onException.onException(exception)
            } catch (_: Throwable) {
                // No handler is left for this exception.
            }
        }
    }
}

internal class Once(callback: Callback) : Receiver {
    // Released with the message: the native library may hold this object a little longer.
    private var callback: Callback? = callback

    override fun receive(message: ByteArray) {
        val callback = callback ?: return
        this.callback = null
        Pims.deliver(message, callback)
    }
}
