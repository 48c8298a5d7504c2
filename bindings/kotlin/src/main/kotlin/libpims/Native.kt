package libpims

import java.io.File

/** What the native library calls with each message: UTF-8, to be wiped by whoever receives it. It must not throw. */
internal fun interface Receiver {
    fun receive(message: ByteArray)
}

/** The methods of the native library, `bindings/kotlin/jni`. Texts are UTF-8. */
internal object Native {
    init {
        // On Android, and where java.library.path names its folder, it is found by its name.
        val file = System.getProperty("libpims.library")
        if (file != null) System.load(File(file).absolutePath) else System.loadLibrary("pims_jni")
    }

    const val GET = 0
    const val SET = 1
    const val SUBSCRIBE = 2
    const val UNSUBSCRIBE = 3

    @JvmStatic
    external fun init(config: ByteArray, receiver: Receiver)

    /** Whether the call was accepted; where it was not, too many wait. */
    @JvmStatic
    external fun call(method: Int, api: ByteArray, parameters: ByteArray, receiver: Receiver): Boolean

    @JvmStatic
    external fun free()

    @JvmStatic
    external fun version(): ByteArray
}
