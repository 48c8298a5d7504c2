package libpims

import android.content.Context
import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import android.util.AtomicFile
import java.io.File
import java.io.IOException
import java.security.GeneralSecurityException
import java.security.InvalidKeyException
import java.security.KeyStore
import java.security.SecureRandom
import javax.crypto.AEADBadTagException
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

/** The storage's key cannot be opened any more: what was sealed with it is lost. [KeystoreSecureStore.forget] begins anew. */
class StorageKeyLostException(message: String, cause: Throwable? = null) : GeneralSecurityException(message, cause)

/**
 * The key of the storage, random, in a file of the app that a key of the Android Keystore seals. That one never leaves the Keystore; the file lies where
 * backups do not reach, because it opens on this phone alone.
 *
 * A failure is told, never taken for a first time: another key would not open what the first one sealed. Tested against stand-ins of Android's classes,
 * not on Android: see bindings/kotlin/README.md.
 */
class KeystoreSecureStore(context: Context, private val alias: String = "libpims.storage") : SecureStore {
    private val file = AtomicFile(File(context.noBackupFilesDir, "$alias.key"))

    /** Throws [StorageKeyLostException], or what the Keystore or the file system throws, which may pass. */
    override fun storageKey(): ByteArray = synchronized(LOCK) {
        if (isThere()) opened(file.readFully()) else made()
    }

    /** Removes the key, and with it whatever it sealed: the device has to be enrolled anew, in a folder without the old record. */
    fun forget() = synchronized(LOCK) {
        file.delete()
        keystore().deleteEntry(alias)
    }

    // Before API 30 a write that was cut off left the file under its second name.
    private fun isThere() = file.baseFile.exists() || File(file.baseFile.path + ".bak").exists()

    private fun made(): ByteArray {
        val key = ByteArray(StorageKey.BYTES).also(SecureRandom()::nextBytes)
        try {
            val cipher = Cipher.getInstance(TRANSFORMATION).apply { init(Cipher.ENCRYPT_MODE, sealing() ?: generated()) }
            val sealed = cipher.iv + cipher.doFinal(key)
            val stream = file.startWrite()
            try {
                stream.write(sealed)
            } catch (failure: IOException) {
                file.failWrite(stream)
                throw failure
            }
            file.finishWrite(stream)
            // Which does not tell whether it failed. A key that only memory knows would seal what nothing opens again.
            return opened(file.readFully())
        } finally {
            key.fill(0)
        }
    }

    private fun opened(sealed: ByteArray): ByteArray {
        if (sealed.size != NONCE_BYTES + StorageKey.BYTES + TAG_BITS / 8) throw StorageKeyLostException("the file is damaged")
        val key = sealing() ?: throw StorageKeyLostException("the Keystore has no key of the name $alias")
        try {
            val nonce = GCMParameterSpec(TAG_BITS, sealed, 0, NONCE_BYTES)
            val cipher = Cipher.getInstance(TRANSFORMATION).apply { init(Cipher.DECRYPT_MODE, key, nonce) }
            return cipher.doFinal(sealed, NONCE_BYTES, sealed.size - NONCE_BYTES)
        } catch (failure: AEADBadTagException) {
            throw StorageKeyLostException("the Keystore's key does not open the file", failure)
        } catch (failure: InvalidKeyException) {
            throw StorageKeyLostException("the Keystore's key is not valid any more", failure)
        }
    }

    private fun keystore() = KeyStore.getInstance(PROVIDER).apply { load(null) }

    private fun sealing() = keystore().getKey(alias, null) as SecretKey?

    private fun generated(): SecretKey {
        val purposes = KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT
        val spec = KeyGenParameterSpec.Builder(alias, purposes)
            .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
            .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
            .setKeySize(256)
            .build()
        return KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, PROVIDER).apply { init(spec) }.generateKey()
    }

    private companion object {
        // The file and the Keystore are those of the process, however many objects there are.
        val LOCK = Any()
        const val PROVIDER = "AndroidKeyStore"
        const val TRANSFORMATION = "AES/GCM/NoPadding"
        const val NONCE_BYTES = 12
        const val TAG_BITS = 128
    }
}
