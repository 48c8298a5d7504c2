package libpims

import android.content.Context
import android.util.AtomicFile
import java.io.File
import java.io.IOException
import java.util.Collections
import kotlin.concurrent.thread
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

class KeystoreSecureStoreTest {
    @TempDir
    lateinit var folder: File

    private val context = object : Context() {
        override fun getNoBackupFilesDir() = folder
    }

    private val file get() = File(folder, "libpims.storage.key")

    @BeforeEach
    fun install() = StandInKeystore.install()

    @AfterEach
    fun remove() {
        AtomicFile.renamingFails = false
        StandInKeystore.remove()
    }

    @Test
    fun `the key is random, the same each time, and sealed in its file`() {
        val key = KeystoreSecureStore(context).storageKey()
        assertEquals(StorageKey.BYTES, key.size)
        assertArrayEquals(key, KeystoreSecureStore(context).storageKey())
        assertFalse(key.contentEquals(KeystoreSecureStore(context, "another").storageKey()))
        assertFalse(file.readBytes().asList().windowed(4).any { part -> key.asList().windowed(4).contains(part) })
        assertEquals(setOf("libpims.storage.key", "another.key"), folder.list()!!.toSet())
    }

    @Test
    fun `a key that the Keystore lost is told, and no other is made until that is wished`() {
        val store = KeystoreSecureStore(context)
        val key = store.storageKey()
        StandInKeystore.held.clear()
        repeat(2) { assertThrows(StorageKeyLostException::class.java) { store.storageKey() } }
        assertTrue(StandInKeystore.held.isEmpty())
        store.forget()
        val other = store.storageKey()
        assertFalse(key.contentEquals(other))
        assertArrayEquals(other, store.storageKey())
    }

    @Test
    fun `what is forgotten is gone`() {
        val store = KeystoreSecureStore(context)
        store.forget()
        store.storageKey()
        store.forget()
        assertTrue(StandInKeystore.held.isEmpty())
        assertEquals(0, folder.list()!!.size)
    }

    @Test
    fun `another key of the Keystore, and a damaged file, are told`() {
        val store = KeystoreSecureStore(context)
        store.storageKey()
        val sealed = file.readBytes()
        for (length in listOf(0, 11, 12, 27, sealed.size - 1)) {
            file.writeBytes(sealed.copyOf(length))
            assertThrows(StorageKeyLostException::class.java, { store.storageKey() }, "of $length bytes")
        }
        file.writeBytes(sealed.copyOf().also { it[20] = (it[20] + 1).toByte() })
        assertThrows(StorageKeyLostException::class.java) { store.storageKey() }
        file.writeBytes(sealed)
        KeystoreSecureStore(context, "another").storageKey()
        StandInKeystore.held["libpims.storage"] = StandInKeystore.held.getValue("another")
        assertThrows(StorageKeyLostException::class.java) { store.storageKey() }
    }

    @Test
    fun `a file that cannot be read is not a first time`() {
        val store = KeystoreSecureStore(context)
        val key = store.storageKey()
        val aside = File(folder, "aside")
        assertTrue(file.renameTo(aside) && file.mkdir())
        assertThrows(IOException::class.java) { store.storageKey() }
        assertTrue(file.delete() && aside.renameTo(file))
        assertArrayEquals(key, store.storageKey())
    }

    @Test
    fun `a write that was cut off before API 30 is not a first time`() {
        val store = KeystoreSecureStore(context)
        store.storageKey()
        assertTrue(file.renameTo(File(folder, "libpims.storage.key.bak")))
        // Android's own class restores the file; the stand-in does not.
        assertThrows(IOException::class.java) { store.storageKey() }
        assertFalse(file.exists())
    }

    @Test
    fun `a key that was not kept is not given out`() {
        AtomicFile.renamingFails = true
        assertThrows(IOException::class.java) { KeystoreSecureStore(context).storageKey() }
        AtomicFile.renamingFails = false
        assertArrayEquals(KeystoreSecureStore(context).storageKey(), KeystoreSecureStore(context).storageKey())
    }

    @Test
    fun `stores that begin at once have one key`() {
        val keys = Collections.synchronizedList(ArrayList<ByteArray>())
        List(8) { thread { keys.add(KeystoreSecureStore(context).storageKey()) } }.forEach(Thread::join)
        assertEquals(8, keys.size)
        assertTrue(keys.all { it.contentEquals(keys[0]) })
    }
}
