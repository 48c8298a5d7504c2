package libpims

import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import java.io.InputStream
import java.io.OutputStream
import java.security.InvalidAlgorithmParameterException
import java.security.Key
import java.security.KeyStoreSpi
import java.security.Provider
import java.security.SecureRandom
import java.security.Security
import java.security.cert.Certificate
import java.security.spec.AlgorithmParameterSpec
import java.util.Collections
import java.util.Date
import java.util.concurrent.ConcurrentHashMap
import javax.crypto.KeyGenerator
import javax.crypto.KeyGeneratorSpi
import javax.crypto.SecretKey

/** A stand-in of the Android Keystore for keys of AES-GCM. It keeps the keys by name, in memory. */
object StandInKeystore : Provider("AndroidKeyStore", "1", "a stand-in") {
    private fun readResolve(): Any = StandInKeystore

    val held: MutableMap<String, SecretKey> = ConcurrentHashMap()

    init {
        put("KeyStore.AndroidKeyStore", Store::class.java.name)
        put("KeyGenerator.AES", Generator::class.java.name)
    }

    fun install() {
        held.clear()
        Security.addProvider(this)
    }

    fun remove() = Security.removeProvider(name)

    class Store : KeyStoreSpi() {
        override fun engineLoad(stream: InputStream?, password: CharArray?) = Unit
        override fun engineGetKey(alias: String, password: CharArray?): Key? = held[alias]
        override fun engineDeleteEntry(alias: String) { held.remove(alias) }
        override fun engineContainsAlias(alias: String) = alias in held
        override fun engineIsKeyEntry(alias: String) = alias in held
        override fun engineAliases() = Collections.enumeration(held.keys)
        override fun engineSize() = held.size

        override fun engineGetCertificateChain(alias: String): Array<Certificate>? = null
        override fun engineGetCertificate(alias: String): Certificate? = null
        override fun engineGetCreationDate(alias: String): Date? = null
        override fun engineIsCertificateEntry(alias: String) = false
        override fun engineGetCertificateAlias(certificate: Certificate): String? = null
        override fun engineSetKeyEntry(alias: String, key: Key, password: CharArray?, chain: Array<Certificate>?) = refused()
        override fun engineSetKeyEntry(alias: String, key: ByteArray, chain: Array<Certificate>?) = refused()
        override fun engineSetCertificateEntry(alias: String, certificate: Certificate) = refused()
        override fun engineStore(stream: OutputStream?, password: CharArray?) = refused()

        private fun refused(): Nothing = throw UnsupportedOperationException()
    }

    class Generator : KeyGeneratorSpi() {
        private var spec: KeyGenParameterSpec? = null

        override fun engineInit(random: SecureRandom?) = throw UnsupportedOperationException()
        override fun engineInit(bits: Int, random: SecureRandom?) = throw UnsupportedOperationException()

        override fun engineInit(spec: AlgorithmParameterSpec?, random: SecureRandom?) {
            val asked = spec as? KeyGenParameterSpec ?: throw InvalidAlgorithmParameterException("expected a KeyGenParameterSpec")
            val isForGcm = asked.blockModes.contentEquals(arrayOf(KeyProperties.BLOCK_MODE_GCM)) &&
                asked.encryptionPaddings.contentEquals(arrayOf(KeyProperties.ENCRYPTION_PADDING_NONE)) &&
                asked.purposes == (KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT)
            if (!isForGcm) throw InvalidAlgorithmParameterException("no key to seal with by AES-GCM")
            this.spec = asked
        }

        override fun engineGenerateKey(): SecretKey {
            val spec = checkNotNull(spec)
            val key = KeyGenerator.getInstance("AES", "SunJCE").apply { init(spec.keySize) }.generateKey()
            return key.also { held[spec.keystoreAlias] = it }
        }
    }
}
