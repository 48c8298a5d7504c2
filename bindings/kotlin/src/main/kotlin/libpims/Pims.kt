package libpims

import kotlin.coroutines.resume
import kotlin.coroutines.suspendCoroutine

/** What messages are handed to: `transactionId`, `status`, and `result` or `error`. */
fun interface Callback {
    fun onMessage(message: Map<String, Any?>)
}

/** What is told the exceptions of callbacks. */
fun interface ExceptionHandler {
    /** On the callback's thread. What it throws itself is lost. */
    fun onException(exception: Throwable)
}

/**
 * The facade of this process, see docs/api.md for what it can be asked and docs/c-abi.md for how it works.
 *
 * Callbacks run on the library's one thread, in the order of the calls, never two at once; without a facade (2001) and for failures of [initialize]
 * on the thread that calls. They may call everything here. What they throw goes to [onException].
 *
 * Parameters are maps of texts, numbers, booleans, nulls, lists, arrays and maps; a text may be a [CharArray], which its owner can wipe. Numbers of
 * messages are [Int], [Long] or [java.math.BigInteger] where they are integers, else [Double].
 */
object Pims {
    /** Longest parameters, in bytes of UTF-8. */
    const val MAX_TEXT = 1 shl 20

    /** The version of the native library. */
    @JvmStatic
    val version: String get() = String(Native.version(), Charsets.UTF_8)

    /** The component, typed. */
    @JvmStatic
    val strongAuthentication: StrongAuthentication get() = StrongAuthentication

    /** What is told the exceptions of callbacks. As it is, it prints them: to the log on Android, elsewhere to standard error. The next call works. */
    @JvmStatic
    @Volatile
    var onException: ExceptionHandler = ExceptionHandler { it.printStackTrace() }

    /** Creates the facade. One message: 2004, 2006 or 2007 where there is none afterwards. It reads and makes files. */
    @JvmStatic
    fun initialize(config: Map<String, Any?>, callback: Callback) =
        encoded(config) { bytes -> Native.init(bytes, Once(callback)) }

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

    /** Requests data: exactly one message. It never waits. Throws [IllegalStateException] where 1,024 calls wait already. */
    @JvmStatic
    @JvmOverloads
    fun get(api: String, parameters: Map<String, Any?> = emptyMap(), callback: Callback) =
        call(Native.GET, api, parameters, Once(callback))

    /** Changes data, or does something. Otherwise as [get]. */
    @JvmStatic
    @JvmOverloads
    fun set(api: String, parameters: Map<String, Any?> = emptyMap(), callback: Callback) =
        call(Native.SET, api, parameters, Once(callback))

    /** Asks for events: one acknowledgment, then a message `RESULT` for each, until [unsubscribe] or [release]. */
    @JvmStatic
    @JvmOverloads
    fun subscribe(api: String, parameters: Map<String, Any?> = emptyMap(), callback: Callback) =
        call(Native.SUBSCRIBE, api, parameters, Each(callback))

    /** Ends a subscription: exactly one message, and no event after it. */
    @JvmStatic
    @JvmOverloads
    fun unsubscribe(api: String, parameters: Map<String, Any?> = emptyMap(), callback: Callback) =
        call(Native.UNSUBSCRIBE, api, parameters, Once(callback))

    /**
     * Releases the facade. When it returns every call has had its message: 2001, where it had not begun. On the library's thread, which is in a
     * callback or in a coroutine without a dispatcher, it returns at once, and the facade is released when that is over. Twice is harmless.
     */
    @JvmStatic
    fun release() = Native.free()

    /**
     * Creates the facade, or fails with a [PimsException]; with what the store throws; or with what the function of the same name and a callback throws.
     *
     * Who waits goes on where its dispatcher says; without one, on the library's thread. A call is not cancelled: what was asked for may count at the
     * service, so its end is told also to a coroutine that was cancelled meanwhile (`ensureActive()` asks).
     */
    suspend fun initialize(config: Map<String, Any?>): Result<Unit> = asked { initialize(config, it) }.map { }

    suspend fun initialize(config: Map<String, Any?>, store: SecureStore): Result<Unit> =
        asked { initialize(config, store, it) }.map { }

    /** The `result`, or a [PimsException]; or what the function of the same name and a callback throws. Otherwise as [initialize]. */
    suspend fun get(api: String, parameters: Map<String, Any?> = emptyMap()): Result<Any?> = asked { get(api, parameters, it) }

    /** As [get]. */
    suspend fun set(api: String, parameters: Map<String, Any?> = emptyMap()): Result<Any?> = asked { set(api, parameters, it) }

    private suspend fun asked(call: (Callback) -> Unit): Result<Any?> = try {
        suspendCoroutine { waiting ->
            call { message ->
                val succeeded = message["status"] == "SUCCEEDED"
                waiting.resume(if (succeeded) Result.success(message["result"]) else Result.failure(PimsException.of(message)))
            }
        }
    } catch (refused: Exception) {
        Result.failure(refused)
    }

    private fun call(method: Int, api: String, parameters: Map<String, Any?>, receiver: Receiver) =
        encoded(parameters) { bytes ->
            check(Native.call(method, api.toByteArray(), bytes, receiver)) { "1,024 calls wait already" }
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

    internal fun deliver(message: ByteArray, callback: Callback) {
        try {
            val read = try {
                @Suppress("UNCHECKED_CAST")
                Json.decode(message) as Map<String, Any?>
            } finally {
                message.fill(0)
            }
            callback.onMessage(read)
        } catch (exception: Throwable) {
            try {
                onException.onException(exception)
            } catch (_: Throwable) {
                // There is nobody left to tell.
            }
        }
    }
}

private class Once(callback: Callback) : Receiver {
    // Gone with the message: the native library may hold this object a little longer.
    private var callback: Callback? = callback

    override fun receive(message: ByteArray) {
        val callback = callback ?: return
        this.callback = null
        Pims.deliver(message, callback)
    }
}

private class Each(private val callback: Callback) : Receiver {
    override fun receive(message: ByteArray) = Pims.deliver(message, callback)
}
