package libpims

/** The calls of one facade, by its handle. */
internal class Facade(private val handle: Long, private val wrongPins: () -> WrongPinsHandler?) {
    /**
     * The handler of the wrong PINs that a message reports beside its result; null if there is
     * none.
     */
    val onWrongPins: WrongPinsHandler? get() = wrongPins()

    /** Throws [QueueFullException] or [SessionClosedException] if the call is not accepted. */
    fun call(method: Int, api: String, parameters: Map<String, Any?>, receiver: Receiver) =
        Pims.encoded(parameters) { bytes ->
            val native = NativeLibrary.get()
            when (LibraryThread.calling { native.call(handle, method, api.toByteArray(), bytes, receiver) }) {
                Native.QUEUE_FULL -> throw QueueFullException()
                Native.NO_FACADE -> throw SessionClosedException()
            }
        }

    fun get(api: String, parameters: Map<String, Any?>, callback: Callback) = call(Native.GET, api, parameters, Once(callback))

    fun set(api: String, parameters: Map<String, Any?>, callback: Callback) = call(Native.SET, api, parameters, Once(callback))

    fun subscribe(api: String, parameters: Map<String, Any?>, callback: Callback): Subscription =
        Subscription(this, api, callback).also { it.begin(parameters) }

    fun unsubscribe(api: String, parameters: Map<String, Any?>, callback: Callback) =
        call(Native.UNSUBSCRIBE, api, parameters, Once(callback))

    /** Ends a subscription at once, inside a callback on the facade's thread. */
    fun end(api: String, parameters: Map<String, Any?>) =
        Pims.encoded(parameters) { bytes -> NativeLibrary.get().end(handle, api.toByteArray(), bytes) }

    /**
     * Releases the facade. In a shutdown hook it does not wait for a callback that called
     * `System.exit`, and for another callback it waits at most five seconds.
     */
    fun close() {
        val native = NativeLibrary.get()
        if (LibraryThread.isCurrent || !LibraryThread.isEnding) return native.close(handle)
        val closing = Thread({ native.close(handle) }, "libpims-release").apply { isDaemon = true }
        closing.start()
        LibraryThread.awaitInHook { milliseconds ->
            closing.join(milliseconds)
            !closing.isAlive
        }
    }

    companion object {
        /** The facade of [Pims]. */
        val DEFAULT = Facade(1) { Pims.onWrongPins }

        /** Creates a facade beside the others. The result of its message has its handle. */
        fun open(config: Map<String, Any?>, callback: Callback) =
            Pims.encoded(config) { bytes ->
                val native = NativeLibrary.get()
                LibraryThread.calling { native.open(bytes, Once(callback)) }
            }
    }
}
