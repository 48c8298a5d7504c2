package libpims

import java.io.File
import java.io.IOException
import java.nio.file.Files
import java.nio.file.Path

/**
 * The rule of the library's storage for the folders above a file, on Linux: each one belongs to
 * this process's user or to root, and other users may write to it only if it has the sticky bit.
 * Otherwise another user can rename what is in it, and put something else in its place.
 */
internal object SafeFolders {
    private const val STICKY = 0x200
    private const val OTHERS_WRITE = 0x2
    private const val GROUP_WRITES = 0x10

    /**
     * Checks a folder and all of its parents. Throws an [IOException] that names the first one that
     * breaks the rule. [folder] is a real path: it has no symbolic link.
     */
    fun check(folder: Path) {
        val user = effectiveUser()
        generateSequence(folder) { it.parent }.forEach { check(it, user) }
    }

    private fun check(folder: Path, user: Int) {
        val found = Files.readAttributes(folder, "unix:uid,gid,mode")
        val owner = found.getValue("uid") as Int
        val mode = found.getValue("mode") as Int
        if (owner != 0 && owner != user && !isRootOutside(owner)) {
            throw IOException("the folder $folder belongs to user $owner, and this process runs as user $user: choose another folder by java.io.tmpdir")
        }
        val isOpen = mode and OTHERS_WRITE != 0 || mode and GROUP_WRITES != 0 && !isPrivateGroup(found.getValue("gid") as Int, user)
        if (isOpen && mode and STICKY == 0) {
            throw IOException(
                "others than its owner may write to the folder $folder (mode %04o): take that from them (chmod go-w), ".format(mode and 0xfff) +
                    "or choose another folder by java.io.tmpdir",
            )
        }
    }

    /** Returns the effective user: the second number of its line. */
    private fun effectiveUser(): Int =
        lines("/proc/self/status").first { it.startsWith("Uid:") }.split(Regex("\\s+"))[2].toInt()

    /** Returns whether a group has no member other than this user or root. */
    private fun isPrivateGroup(group: Int, user: Int): Boolean {
        val number = group.toString()
        val users = lines("/etc/passwd").map { it.split(":") }.filter { it.size > 3 }
        val own = users.filter { it[2] == "0" || it[2] == user.toString() }.map { it[0] }
        val groups = lines("/etc/group").map { it.split(":") }.filter { it.size > 3 && it[2] == number }
        val members = groups.flatMap { it[3].split(",") }.filter { it.isNotEmpty() } + users.filter { it[3] == number }.map { it[0] }
        return groups.isNotEmpty() && own.containsAll(members)
    }

    /**
     * Returns whether [owner] may be root of the host, seen from inside a user namespace (a
     * rootless container). All users that the namespace does not know have the same number there.
     */
    private fun isRootOutside(owner: Int): Boolean {
        val unknown = lines("/proc/sys/kernel/overflowuid").first().trim().toInt()
        val map = lines("/proc/self/uid_map").flatMap { it.trim().split(Regex("\\s+")) }
        return owner == unknown && map != listOf("0", "0", "4294967295")
    }

    private fun lines(file: String): List<String> = File(file).readLines()
}
