package libpims

/**
 * The host's store of the storage's key: the Keystore on Android, a secret service on other
 * systems. Without a store the library keeps the key in a file beside the sealed data
 * (docs/guide-security.md).
 */
interface SecureStore {
    /**
     * Returns the key, the same each time: 32 random bytes, which the first call makes. This
     * package wipes the array after use.
     */
    fun storageKey(): ByteArray
}

/**
 * Makes a store of one function. (The interface is no `fun interface`: then
 * `initialize(config) { … }` could mean a store or a callback.)
 */
@JvmSynthetic
fun SecureStore(key: () -> ByteArray): SecureStore = object : SecureStore {
    override fun storageKey() = key()
}

internal object StorageKey {
    const val BYTES = 32

    /** Runs [use] with the configuration that has the store's key. Wipes the key after it. */
    inline fun with(config: Map<String, Any?>, store: SecureStore, use: (Map<String, Any?>) -> Unit) {
        val key = store.storageKey()
        val characters = try {
            characters(key)
        } finally {
            key.fill(0)
        }
        try {
            use(put(config, characters))
        } finally {
            characters.fill('\u0000')
        }
    }

    /**
     * Returns the configuration with the key in `storage.key`. The caller must wipe the characters.
     */
    fun put(config: Map<String, Any?>, characters: CharArray): Map<String, Any?> {
        val storage = config["storage"]
        require(storage == null || storage is Map<*, *>) { "storage: expected an object" }
        val members = storage.orEmpty()
        require("key" !in members) { "storage.key: the key is that of the secure store" }
        return config + ("storage" to members + ("key" to characters))
    }

    /**
     * Encodes in base64, without a String, which cannot be wiped. java.util.Base64 exists on
     * Android since API 26 and gives arrays, too.
     */
    fun characters(key: ByteArray): CharArray {
        require(key.size == BYTES) { "the key of a secure store has $BYTES bytes" }
        val encoded = java.util.Base64.getEncoder().encode(key)
        return CharArray(encoded.size) { encoded[it].toInt().toChar() }.also { encoded.fill(0) }
    }
}
