package libpims

import java.util.concurrent.CompletableFuture

/** The receiver of a call's messages: `transactionId`, `status`, and `result` or `error`. */
fun interface Callback {
    fun onMessage(message: Map<String, Any?>)
}

/** The handler of exceptions that callbacks throw. */
fun interface ExceptionHandler {
    /** On the callback's thread. What it throws itself is lost. */
    fun onException(exception: Throwable)
}

/**
 * The facade of this process, see docs/api.md for what it can be asked and docs/c-abi.md for how it works.
 *
 * Callbacks run on the library's one thread, `libpims`, in the order of the calls, never two at once; without a facade (2001) and for failures of
 * [initialize] on the thread that calls. They may call everything here, and wait for nothing of it: a future of this package refuses that by an
 * [IllegalStateException]. What they throw goes to [onException]. Each begins with the class loader of this package and without an interrupt.
 *
 * Parameters are maps of texts, numbers, booleans, nulls, lists, arrays and maps, and of the types that the README names; a text may be a
 * [CharArray], which its owner can wipe. Numbers of messages are [Int], [Long] or [java.math.BigInteger] where they are integers, else [Double].
 *
 * Each function that needs the native library throws an [UnsatisfiedLinkError] if it is not found;
 * the error says what was tried.
 */
object Pims {
    /** Longest parameters, in bytes of UTF-8. */
    const val MAX_TEXT = 1 shl 20

    /** The version of the native library. */
    @JvmStatic
    val version: String get() = String(NativeLibrary.get().version(), Charsets.UTF_8)

    /** The component, typed. */
    @JvmStatic
    val strongAuthentication: StrongAuthentication get() = StrongAuthentication

    /** The same operations for Java: each returns a future. */
    @JvmStatic
    val strongAuthenticationAsync: StrongAuthenticationAsync get() = StrongAuthenticationAsync

    /** The handler of exceptions that callbacks throw. The default prints them: to the log on Android, elsewhere to standard error. The next call works. */
    @JvmStatic
    @Volatile
    var onException: ExceptionHandler = ExceptionHandler { it.printStackTrace() }

    /**
     * The handler of wrong PINs that a message tells besides its result (docs/api.md). The functions that return results alone, which are the
     * `suspend` ones and the futures, call it on the library's thread before their result is there. Callbacks ask [WrongPins.of].
     */
    @JvmStatic
    @Volatile
    var onWrongPins: WrongPinsHandler? = null

    /** Creates the facade. One message: 2004, 2006 or 2007 where there is none afterwards. It reads and makes files. */
    @JvmStatic
    fun initialize(config: Map<String, Any?>, callback: Callback) =
        encoded(config) { bytes ->
            val native = NativeLibrary.get()
            LibraryThread.calling { native.init(bytes, Once(callback)) }
        }

    /** The same, with the key of the storage from where the host keeps secrets. */
    @JvmStatic
    fun initialize(config: Map<String, Any?>, store: SecureStore, callback: Callback) {
        val key = store.storageKey()
        val characters = try {
            StorageKey.characters(key)
        } finally {
            key.fill(0)
        }
        try {
            initialize(StorageKey.put(config, characters), callback)
        } finally {
            characters.fill('\u0000')
        }
    }

    /** Requests data: exactly one message. It never waits. Throws [QueueFullException] where 1,024 calls wait already. */
    @JvmStatic
    @JvmOverloads
    fun get(api: String, parameters: Map<String, Any?> = emptyMap(), callback: Callback) =
        call(Native.GET, api, parameters, Once(callback))

    /** Changes data, or does something. Otherwise as [get]. */
    @JvmStatic
    @JvmOverloads
    fun set(api: String, parameters: Map<String, Any?> = emptyMap(), callback: Callback) =
        call(Native.SET, api, parameters, Once(callback))

    /**
     * Asks for events: one acknowledgment, then a message `RESULT` for each, until the subscription is closed, [unsubscribe] or [release]. The
     * library has one subscription at a time: a second one is acknowledged by 2005, but not where the first was closed before, acknowledged or not.
     */
    @JvmStatic
    @JvmOverloads
    fun subscribe(api: String, parameters: Map<String, Any?> = emptyMap(), callback: Callback): Subscription =
        Subscription(api, callback).also { it.begin(parameters) }

    /**
     * Ends the subscription to an api, whichever call made it; with `transactionId` in the parameters, only the one whose messages have
     * this id. Exactly one message, and no event after it.
     */
    @JvmStatic
    @JvmOverloads
    fun unsubscribe(api: String, parameters: Map<String, Any?> = emptyMap(), callback: Callback) =
        call(Native.UNSUBSCRIBE, api, parameters, Once(callback))

    /** Watches the account: [subscribe] to all that changes, with types. */
    @JvmStatic
    fun watch(watcher: AccountWatcher): Subscription = Subscriptions.watch(watcher)

    /**
     * Releases the facade. When it returns every call has had its message: 2001, where it had not begun. On the library's thread, which is in a
     * callback or in a coroutine without a dispatcher, it returns at once, and the facade is released when that is over. Twice is harmless.
     *
     * A shutdown hook is a good place for it. There it does not wait for a callback that called `System.exit`, which waits for the hooks, and
     * five seconds at most for another one: the program always ends. What was open then is repaired by the next start, as after a crash.
     */
    @JvmStatic
    fun release() {
        Session.forget()
        val native = NativeLibrary.get()
        if (LibraryThread.isCurrent || !LibraryThread.isEnding) {
            native.free()
        } else {
            val releasing = Thread(native::free, "libpims-release").apply { isDaemon = true }
            releasing.start()
            LibraryThread.awaitInHook { milliseconds ->
                releasing.join(milliseconds)
                !releasing.isAlive
            }
        }
    }

    /**
     * Creates the facade, or fails with a [PimsException]; with what the store throws; or with what the function of the same name and a callback throws.
     *
     * A waiting coroutine continues where its dispatcher says; without one, on the library's thread. Where kotlinx-coroutines is there, a
     * cancelled coroutine ends at once, but the *operation* goes on: a cancelled call counts, as the service may have its request. Without
     * kotlinx-coroutines nothing can be cancelled. Within a `runBlocking` of a callback it fails with [IllegalStateException].
     */
    suspend fun initialize(config: Map<String, Any?>): Result<Unit> = Operations.initialize(config).result()

    suspend fun initialize(config: Map<String, Any?>, store: SecureStore): Result<Unit> = Operations.initialize(config, store).result()

    /** The `result`, or a [PimsException]; or what the function of the same name and a callback throws. Otherwise as [initialize]. */
    suspend fun get(api: String, parameters: Map<String, Any?> = emptyMap()): Result<Any?> = Operations.get(api, parameters).result()

    /** As [get]. */
    suspend fun set(api: String, parameters: Map<String, Any?> = emptyMap()): Result<Any?> = Operations.set(api, parameters).result()

    /**
     * Creates the facade, for Java. The future fails with a [PimsException], with what the store throws, or with what the function of the same
     * name and a callback throws.
     *
     * Futures complete on the library's thread, where also stages without an executor run (`thenAccept`). `join` and `get` there throw
     * [IllegalStateException], as they would never end. A cancelled future ends at once, but the *operation* goes on: a cancelled call counts.
     */
    @JvmStatic
    fun initializeAsync(config: Map<String, Any?>): CompletableFuture<Void?> = Operations.initialize(config).nothing()

    /** As the other one, with the key of the storage from [store]. */
    @JvmStatic
    fun initializeAsync(config: Map<String, Any?>, store: SecureStore): CompletableFuture<Void?> = Operations.initialize(config, store).nothing()

    /** The `result`, or a [PimsException]. Otherwise as [initializeAsync]. */
    @JvmStatic
    @JvmOverloads
    fun getAsync(api: String, parameters: Map<String, Any?> = emptyMap()): CompletableFuture<Any?> = Operations.get(api, parameters).future()

    /** As [getAsync]. */
    @JvmStatic
    @JvmOverloads
    fun setAsync(api: String, parameters: Map<String, Any?> = emptyMap()): CompletableFuture<Any?> = Operations.set(api, parameters).future()

    internal fun call(method: Int, api: String, parameters: Map<String, Any?>, receiver: Receiver) =
        encoded(parameters) { bytes ->
            val native = NativeLibrary.get()
            if (!LibraryThread.calling { native.call(method, api.toByteArray(), bytes, receiver) }) throw QueueFullException()
        }

    internal inline fun encoded(parameters: Map<String, Any?>, use: (ByteArray) -> Unit) {
        val bytes = Json.encode(parameters)
        try {
            require(bytes.size <= MAX_TEXT) { "parameters are longer than $MAX_TEXT bytes" }
            use(bytes)
        } finally {
            bytes.fill(0)
        }
    }

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

    /** Runs what belongs to the caller. What it throws goes to [onException]. */
    internal inline fun guarded(run: () -> Unit) {
        try {
            run()
        } catch (exception: Throwable) {
            try {
                onException.onException(exception)
            } catch (_: Throwable) {
                // No handler is left for it.
            }
        }
    }
}

internal class Once(callback: Callback) : Receiver {
    // Gone with the message: the native library may hold this object a little longer.
    private var callback: Callback? = callback

    override fun receive(message: ByteArray) {
        val callback = callback ?: return
        this.callback = null
        Pims.deliver(message, callback)
    }
}
