package libpims

/**
 * Where the host keeps the key of the storage: on Android the Keystore, elsewhere a secret service. Without one the library keeps the key in a file
 * beside what it seals (docs/guide-security.md).
 */
interface SecureStore {
    /** The key, the same each time: 32 random bytes, made the first time. The array is wiped after use. */
    fun storageKey(): ByteArray
}

/** A store of one function. (Were the interface one of functions, `initialize(config) { … }` could mean a store as well as a callback.) */
@JvmSynthetic
fun SecureStore(key: () -> ByteArray): SecureStore = object : SecureStore {
    override fun storageKey() = key()
}

internal object StorageKey {
    const val BYTES = 32

    /** The configuration with the key in `storage.key`, in characters that are to be wiped. */
    fun put(config: Map<String, Any?>, characters: CharArray): Map<String, Any?> {
        val storage = config["storage"]
        require(storage == null || storage is Map<*, *>) { "storage: expected an object" }
        val members = storage.orEmpty()
        require("key" !in members) { "storage.key: the key is that of the secure store" }
        return config + ("storage" to members + ("key" to characters))
    }

    /** Base64, without a String that nobody could wipe. java.util.Base64 came to Android with API 26 and gives arrays too. */
    fun characters(key: ByteArray): CharArray {
        require(key.size == BYTES) { "the key of a secure store has $BYTES bytes" }
        val encoded = java.util.Base64.getEncoder().encode(key)
        return CharArray(encoded.size) { encoded[it].toInt().toChar() }.also { encoded.fill(0) }
    }
}
