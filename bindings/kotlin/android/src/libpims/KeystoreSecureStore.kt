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

/**
 * An error: the storage's key cannot be opened any more. Data that was sealed with it is lost.
 * [KeystoreSecureStore.forget] allows a new start.
 */
class StorageKeyLostException(message: String, cause: Throwable? = null) : GeneralSecurityException(message, cause)

/**
 * A store of the storage's key, which is random. A key of the Android Keystore seals it, and the
 * sealed key is in a file of the app. The Keystore's key never leaves the Keystore. The file is in
 * a folder without backups, because only this phone can open it.
 *
 * A failure is thrown, never treated as a first start: another key would not open the data that the
 * first one sealed. Tested against stand-ins of Android's classes, not on Android: see
 * bindings/kotlin/README.md.
 */
class KeystoreSecureStore(context: Context, private val alias: String = "libpims.storage") : SecureStore {
    private val file = AtomicFile(File(context.noBackupFilesDir, "$alias.key"))

    /**
     * Throws [StorageKeyLostException]. Also throws exceptions of the Keystore or the file system;
     * these may be temporary.
     */
    override fun storageKey(): ByteArray = synchronized(LOCK) {
        if (isThere()) opened(file.readFully()) else made()
    }

    /**
     * Removes the key. Data that it sealed cannot be opened any more: the user must enroll the
     * device again, in a folder without the old record.
     */
    fun forget() = synchronized(LOCK) {
        file.delete()
        keystore().deleteEntry(alias)
    }

    // Before API 30, an interrupted write left the file under its second name.
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
            // finishWrite does not report a failure, so the file is read back. A key that is only
            // in memory would seal data that no key opens later.
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
        // The file and the Keystore belong to the process, so all objects share one lock.
        val LOCK = Any()
        const val PROVIDER = "AndroidKeyStore"
        const val TRANSFORMATION = "AES/GCM/NoPadding"
        const val NONCE_BYTES = 12
        const val TAG_BITS = 128
    }
}
