package libpims

import java.io.File
import java.io.IOException
import java.io.InputStream
import java.nio.file.Files
import java.nio.file.Path

/**
 * The native libraries that a jar of a release carries: `libpims/native/SYSTEM/libpims_jni.so`, for
 * Linux with glibc or musl, on x86-64 and AArch64. A jar of `make kotlin` carries none. An Android
 * package has its libraries where the system finds them.
 */
internal object BundledLibrary {
    private const val FOLDER = "/libpims/native"

    /** The name of this system as the jar has it, or null if no jar carries a library for it. */
    val system: String? by lazy {
        val processor = when (System.getProperty("os.arch")) {
            "amd64", "x86_64" -> "x86_64"
            "aarch64" -> "aarch64"
            else -> null
        }
        val isLinux = System.getProperty("os.name") == "Linux" && System.getProperty("java.vm.name") != "Dalvik"
        if (isLinux && processor != null) "linux-$processor" + (if (isMusl()) "-musl" else "") else null
    }

    /**
     * Loads the library for this system from the jar, and returns true. Returns false if the jar
     * has none. Throws an [UnsatisfiedLinkError] if the library cannot be unpacked or loaded.
     */
    fun load(name: String): Boolean {
        val content = system?.let { BundledLibrary::class.java.getResourceAsStream("$FOLDER/$it/$name") } ?: return false
        content.use { unpacked(it, name) { file -> System.load(file.toString()) } }
        return true
    }

    /**
     * Writes the library into a folder of its own and hands it over. Only this process's user can
     * open the folder, and the folders above are checked before anything is made in them
     * ([SafeFolders]): so no other user can change the file, or put another one in its place,
     * before it is loaded. The file is removed at once. The process keeps what it has loaded.
     */
    private fun unpacked(content: InputStream, name: String, load: (Path) -> Unit) {
        val folder = try {
            val parent = Path.of(System.getProperty("java.io.tmpdir")).toRealPath()
            SafeFolders.check(parent)
            Files.createTempDirectory(parent, "libpims-")
        } catch (failure: IOException) {
            throw linkError("no folder could be made in ${System.getProperty("java.io.tmpdir")}", failure)
        }
        val file = folder.resolve(name)
        try {
            Files.copy(content, file)
            load(file)
        } catch (failure: IOException) {
            throw linkError("it could not be unpacked to $folder", failure)
        } finally {
            file.toFile().delete()
            folder.toFile().delete()
        }
    }

    /** Returns whether this process runs on musl: the list of its files has musl's loader. */
    private fun isMusl(): Boolean = try {
        File("/proc/self/maps").useLines { lines -> lines.any { "/ld-musl-" in it || "/libc.musl-" in it } }
    } catch (_: IOException) {
        false
    }

    private fun linkError(what: String, cause: IOException) =
        UnsatisfiedLinkError("$what: $cause").apply { initCause(cause) }
}
