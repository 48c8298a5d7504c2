package libpims

import java.io.File

/**
 * A receiver of messages, which the native library calls. A message is UTF-8, and the receiver
 * wipes it. The receiver must not throw.
 */
internal fun interface Receiver {
    fun receive(message: ByteArray)
}

/**
 * The methods of the native library, `bindings/kotlin/jni`. Texts are UTF-8. Callers get it from
 * [NativeLibrary].
 */
internal object Native {
    const val GET = 0
    const val SET = 1
    const val SUBSCRIBE = 2
    const val UNSUBSCRIBE = 3

    const val ACCEPTED = 0
    const val QUEUE_FULL = 1
    const val NO_FACADE = 2

    @JvmStatic
    external fun init(config: ByteArray, receiver: Receiver)

    /** Creates a facade beside the others. The result of its message has its handle. */
    @JvmStatic
    external fun open(config: ByteArray, receiver: Receiver)

    /** Returns [ACCEPTED], [QUEUE_FULL] or [NO_FACADE]. */
    @JvmStatic
    external fun call(facade: Long, method: Int, api: ByteArray, parameters: ByteArray, receiver: Receiver): Int

    /**
     * Ends a subscription before the calls in the queue. Only for a callback on the facade's
     * thread.
     */
    @JvmStatic
    external fun end(facade: Long, api: ByteArray, parameters: ByteArray)

    /** Releases a facade. Without one it has no effect. */
    @JvmStatic
    external fun close(facade: Long)

    @JvmStatic
    external fun version(): ByteArray
}

/**
 * The loading of the native library. A class that loads it in its initializer could report the
 * reason of a failure only once.
 */
internal object NativeLibrary {
    private const val PROPERTY = "libpims.library"
    private const val NAME = "pims_jni"
    private val FILE = System.mapLibraryName(NAME)

    @Volatile
    private var isLoaded = false

    /**
     * Returns the methods. Throws [UnsatisfiedLinkError] each time that the library cannot be
     * loaded, and tries again the next time.
     */
    fun get(): Native {
        if (!isLoaded) load()
        return Native
    }

    @Synchronized
    private fun load() {
        if (isLoaded) return
        // The property is first. Then comes the jar's own library, which is of the same version as
        // the classes. The system finds a library by its name on Android, and if java.library.path
        // names its folder.
        val file = System.getProperty(PROPERTY)?.let { File(it).absolutePath }
        var tried = "the file $file, which the system property $PROPERTY names"
        try {
            if (file != null) {
                System.load(file)
            } else {
                tried = "the one in the jar, for ${BundledLibrary.system}"
                if (!BundledLibrary.load(FILE)) {
                    tried = "$FILE in java.library.path (${System.getProperty("java.library.path")}), as the system property " +
                        "$PROPERTY is not set and the jar has none for this system"
                    System.loadLibrary(NAME)
                }
            }
        } catch (failure: UnsatisfiedLinkError) {
            val error = UnsatisfiedLinkError(
                "the native library of libpims was not loaded. Tried: $tried. Set $PROPERTY to the path of $FILE. The cause: ${failure.message}",
            )
            throw error.apply { initCause(failure) }
        }
        isLoaded = true
    }
}
