package libpims

import java.io.File
import java.nio.file.Path
import java.util.concurrent.TimeUnit
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** The end of programs, each in a virtual machine of its own. */
class EndTest {
    @TempDir
    lateinit var folder: Path

    private fun start(main: String, vararg options: String, withCoroutines: Boolean = true): Process {
        val java = File(System.getProperty("java.home"), "bin/java").path
        val path = System.getProperty("java.class.path").split(File.pathSeparator)
            .filter { withCoroutines || "kotlinx-coroutines" !in it }.joinToString(File.pathSeparator)
        val library = if (options.any { "libpims.library" in it || "java.library.path" in it }) emptyList() else listOf(LIBRARY)
        val command = listOf(java) + library + options + listOf("-cp", path, "libpims.ProgramsKt", main, folder.toString())
        return ProcessBuilder(command).redirectErrorStream(true).redirectOutput(folder.resolve("out").toFile()).start()
    }

    private fun output() = folder.resolve("out").toFile().readText()

    private fun ended(process: Process): Int {
        val isOver = process.waitFor(DEADLINE_SECONDS, TimeUnit.SECONDS)
        if (!isOver) process.destroyForcibly()
        assertTrue(isOver, "the program does not end: ${output()}")
        return process.exitValue()
    }

    @Test
    fun `a program that exits in a callback ends, also with a shutdown hook that releases`() {
        for (program in listOf("exitInCallback", "exitInSession", "exitInEvent", "exitInCoroutine", "exitInFuture", "exitOfAnotherThread", "exitWhileReleasing")) {
            assertEquals(7, ended(start(program)), "$program: ${output()}")
            assertTrue("released" in output(), program)
        }
    }

    @Test
    fun `a program ends where its hook waits for a result that a callback holds back`() {
        assertEquals(7, ended(start("joinInHook")), output())
        assertTrue("the program ends, and a callback keeps the library from telling the result" in output())
    }

    @Test
    fun `a signal ends a program whose callback waits for ever, and a hook releases`() {
        val process = start("signal")
        while ("in the callback" !in output() && process.isAlive) Thread.sleep(20)
        process.destroy()
        assertEquals(143, ended(process), output())
        assertTrue("released" in output())
    }

    @Test
    fun `a hook that releases waits for a callback that works`() {
        assertEquals(7, ended(start("workInCallback")), output())
        assertTrue(output().indexOf("worked") in 0 until output().indexOf("released"), output())
    }

    @Test
    fun `without kotlinx-coroutines all but the flow works`() {
        assertEquals(0, ended(start("withoutCoroutines", withCoroutines = false)), output())
        assertTrue("without kotlinx-coroutines" in output(), output())
    }

    @Test
    fun `each failure names the property and what was tried, where the native library is not found`() {
        assertEquals(0, ended(start("missing", "-Dlibpims.library=/nowhere/libpims_jni.so")), output())
        val named = output().lines().filter { it.startsWith("failure: ") }
        assertEquals(4, named.size, output())
        for (line in named) assertTrue("libpims.library" in line && "/nowhere/libpims_jni.so" in line && "UnsatisfiedLinkError" in line, line)
        assertEquals(0, ended(start("missing", "-Djava.library.path=/nowhere/lib")), output())
        val byName = output().lines().filter { it.startsWith("failure: ") }
        assertEquals(4, byName.size, output())
        for (line in byName) assertTrue("libpims.library is not set" in line && "libpims_jni.so in java.library.path (/nowhere/lib)" in line, line)
        assertFalse("NoClassDefFoundError" in output())
    }

    private companion object {
        val LIBRARY = "-Dlibpims.library=" + System.getProperty("libpims.library")
    }
}
