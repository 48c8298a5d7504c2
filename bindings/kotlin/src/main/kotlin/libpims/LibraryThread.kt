package libpims

import java.util.concurrent.ConcurrentHashMap

/**
 * The library's threads, one for each facade, as this package sees them: their identity while a
 * callback runs on them, and the state of a Java thread that a callback may change.
 */
internal object LibraryThread {
    private const val NAME = "libpims"
    private const val POLL_MILLISECONDS = 20L

    /** The longest time for which the end of the virtual machine waits for a callback. */
    private const val PATIENCE_NANOSECONDS = 5_000_000_000L

    /**
     * The number of calls of the native library on this thread's stack. A message that comes during
     * a call is a failure that the library reports at once.
     */
    private val calls = ThreadLocal<Int>()

    /** The library's threads that run a callback now. */
    private val running: MutableSet<Thread> = ConcurrentHashMap.newKeySet()

    /** True if this is a library's thread, inside a callback. */
    val isCurrent: Boolean get() = Thread.currentThread() in running

    inline fun <T> calling(call: () -> T): T {
        val before = calls.get()
        calls.set((before ?: 0) + 1)
        try {
            return call()
        } finally {
            if (before == null) calls.remove() else calls.set(before)
        }
    }

    /**
     * Runs the handler of a message. Each time, the library's thread gets its name and class
     * loader, and loses an interrupt.
     */
    fun run(handle: () -> Unit) {
        if (calls.get() != null || isCurrent) return handle()
        val thread = Thread.currentThread()
        prepare(thread)
        running.add(thread)
        try {
            handle()
        } finally {
            running.remove(thread)
            prepare(thread)
        }
    }

    private fun prepare(thread: Thread) {
        Thread.interrupted()
        if (thread.name != NAME) thread.name = NAME
        val loader = LibraryThread::class.java.classLoader
        if (thread.contextClassLoader !== loader) thread.contextClassLoader = loader
    }

    /** Throws if the caller wants to wait for a message that this thread must deliver. */
    fun refuseToWait() = check(!isCurrent) {
        "a callback must not wait for a result: the library's thread, which tells results, is the one that would wait. " +
            "Use a callback, thenAccept or a coroutine, or wait on another thread"
    }

    private val noHook = Thread()

    /** True if the virtual machine is ending: its shutdown hooks run. */
    val isEnding: Boolean
        get() = try {
            Runtime.getRuntime().removeShutdownHook(noHook)
            false
        } catch (_: IllegalStateException) {
            true
        }

    /**
     * True if a callback called `System.exit`, which waits there for the shutdown hooks and never
     * returns.
     */
    val isInExit: Boolean
        get() = running.any { thread -> thread.stackTrace.any { it.className == "java.lang.Runtime" && it.methodName == "exit" } }

    /**
     * Waits in a shutdown hook until [isOver] returns true. It does not wait for a callback that
     * waits for the hooks. For another callback it waits at most five seconds. Returns the last
     * value of [isOver].
     */
    inline fun awaitInHook(isOver: (milliseconds: Long) -> Boolean): Boolean {
        val begin = System.nanoTime()
        while (!isOver(POLL_MILLISECONDS)) {
            if (isInExit || System.nanoTime() - begin > PATIENCE_NANOSECONDS) return isOver(POLL_MILLISECONDS)
        }
        return true
    }
}
