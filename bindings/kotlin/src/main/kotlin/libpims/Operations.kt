package libpims

import java.util.concurrent.CancellationException
import java.util.concurrent.CompletableFuture
import java.util.concurrent.TimeUnit
import java.util.concurrent.TimeoutException
import kotlin.coroutines.ContinuationInterceptor
import kotlin.coroutines.coroutineContext
import kotlin.coroutines.suspendCoroutine

/** The handler of wrong PINs that a message reports beside its result. */
fun interface WrongPinsHandler {
    /** Runs on the library's thread. An exception goes to [Pims.onException]. */
    fun onWrongPins(wrong: WrongPins)
}

/** A call that has not begun, and the conversion of its message to a value. It begins once. */
internal class Operation<T>(
    private val call: (Callback) -> Unit,
    private val recover: (PimsException) -> T? = { null },
    private val read: (Any?) -> T,
) {
    /** Begins the call. Throws the exceptions of the call; then [then] is not called. */
    fun begin(then: (Result<T>) -> Unit) = call { message ->
        WrongPins.of(message)?.let { wrong -> Pims.guarded { Pims.onWrongPins?.onWrongPins(wrong) } }
        then(
            runCatching {
                if (message["status"] == "SUCCEEDED") {
                    read(message["result"])
                } else {
                    val failure = PimsException.of(message)
                    recover(failure) ?: throw failure
                }
            },
        )
    }

    suspend fun await(): T {
        // The event loop of a runBlocking that began in a callback: it waits on the thread that
        // delivers the result.
        val loop = coroutineContext[ContinuationInterceptor]?.javaClass?.name
        if (loop == "kotlinx.coroutines.BlockingEventLoop") LibraryThread.refuseToWait()
        return if (Cancellation.isThere) Cancellation.await(this) else suspendCoroutine { begin(it::resumeWith) }
    }

    suspend fun result(): Result<T> = try {
        Result.success(await())
    } catch (cancelled: CancellationException) {
        throw cancelled
    } catch (refused: Exception) {
        Result.failure(refused)
    }

    fun future(): CompletableFuture<T> = future { it }

    /** Returns a future for Java, whose void has no value. */
    fun nothing(): CompletableFuture<Void?> = future { null }

    private fun <U> future(map: (T) -> U): CompletableFuture<U> {
        val future = PimsFuture<U>()
        try {
            begin { result -> result.fold({ future.complete(map(it)) }, { future.completeExceptionally(it) }) }
        } catch (refused: Throwable) {
            future.completeExceptionally(refused)
        }
        return future
    }
}

/**
 * A future that refuses to wait on the library's thread, because such a wait would never end. The
 * stages that are made of it refuse it, too.
 */
internal class PimsFuture<T> : CompletableFuture<T>() {
    override fun <U> newIncompleteFuture(): CompletableFuture<U> = PimsFuture()

    override fun get(): T {
        prepareToWait()
        return super.get()
    }

    override fun get(timeout: Long, unit: TimeUnit): T {
        if (!isDone) LibraryThread.refuseToWait()
        return super.get(timeout, unit)
    }

    override fun join(): T {
        prepareToWait()
        return super.join()
    }

    private fun prepareToWait() {
        if (isDone) return
        LibraryThread.refuseToWait()
        if (!LibraryThread.isEnding) return
        val isOver = LibraryThread.awaitInHook { milliseconds ->
            try {
                super.get(milliseconds, TimeUnit.MILLISECONDS)
            } catch (_: TimeoutException) {
            } catch (_: Exception) {
                // The caller gets the exception by its own call.
            }
            isDone
        }
        check(isOver) { "the program ends, and a callback keeps the library from telling the result" }
    }
}

/** The operations, once for all the forms of the interface. */
internal object Operations {
    private const val ACCOUNT = "pims.authentication.account"
    private const val ENROLLMENT = "pims.authentication.enrollment"
    private const val OTP = "pims.authentication.otp"
    private const val PINCODE = "pims.authentication.pincode"
    private const val SMSCODE = "pims.authentication.smscode"

    fun initialize(config: Map<String, Any?>) = Operation({ Pims.initialize(config, it) }) { }

    fun initialize(config: Map<String, Any?>, store: SecureStore) = Operation({ Pims.initialize(config, store, it) }) { }

    fun get(api: String, parameters: Map<String, Any?>): Operation<Any?> = Operation({ Pims.get(api, parameters, it) }) { it }

    fun set(api: String, parameters: Map<String, Any?>): Operation<Any?> = Operation({ Pims.set(api, parameters, it) }) { it }

    fun requestEnrollmentCode() = asked(SMSCODE, mapOf("type" to "enrollment")) { }

    fun acceptEnrollmentCode(smsCode: CharSequence) =
        done(SMSCODE, mapOf("action" to "enrollment", "smsCode" to smsCode)) { EnrollmentStatus.valueOf(it.member("status") as String) }

    fun enroll(pin: CharSequence, smsCode: CharSequence) =
        change(ENROLLMENT, mapOf("action" to "enroll", "pinCode" to pin, "smsCode" to smsCode))

    fun enrollWithPhoneNumber(pin: CharSequence, smsCode: CharSequence, phoneNumber: String) = change(
        ENROLLMENT,
        mapOf("action" to "enrollWithPhoneNumber", "pinCode" to pin, "smsCode" to smsCode, "phoneNumber" to phoneNumber),
    )

    fun removeEnrollments() = done(ENROLLMENT, mapOf("action" to "remove")) { }

    fun requestPhoneNumberCode(phoneNumber: String) =
        asked(SMSCODE, mapOf("type" to "phoneNumberCertification", "phoneNumber" to phoneNumber)) { }

    fun addPhoneNumber(smsCode: CharSequence, phoneNumber: String) = number("addPhoneNumber", smsCode, phoneNumber)

    fun modifyPhoneNumber(smsCode: CharSequence, phoneNumber: String) = number("modifyPhoneNumber", smsCode, phoneNumber)

    fun trustedPhoneNumber() = asked("pims.authentication.trustedphonenumber", emptyMap()) { it.member("phoneNumber") as String }

    fun changePin(oldPin: CharSequence, newPin: CharSequence) =
        change(PINCODE, mapOf("action" to "update", "oldPIN" to oldPin, "newPIN" to newPin))

    fun requestResetCode() = asked(SMSCODE, mapOf("type" to "resetPIN")) { }

    fun resetPin(newPin: CharSequence, smsCode: CharSequence) =
        change(PINCODE, mapOf("action" to "reset", "pinCode" to newPin, "smsCode" to smsCode))

    fun otp(pin: CharSequence) = asked(OTP, mapOf("action" to "withPIN", "pinCode" to pin)) { it.member("otp") as String }

    fun otpWithoutPin() = asked(OTP, mapOf("action" to "withoutPIN")) { it.member("otp") as String }

    fun isActivated() = state("isDeviceActivated") { it.member("isDeviceActivated") as Boolean }

    fun accountState() = state("isAccountBlocked") { AccountState.valueOf(it.member("isAccountBlocked") as String) }

    fun setAccessToken(token: CharSequence) = done("pims.authentication.token", mapOf("type" to "cvs", "token" to token)) { }

    private fun <T> asked(api: String, parameters: Map<String, Any?>, read: (Any?) -> T) =
        Operation({ Pims.get(api, parameters, it) }, read = read)

    private fun <T> done(api: String, parameters: Map<String, Any?>, read: (Any?) -> T) =
        Operation({ Pims.set(api, parameters, it) }, read = read)

    private fun <T> state(type: String, read: (Any?) -> T) = asked(ACCOUNT, mapOf("actionType" to "strong", "type" to type), read)

    private fun number(action: String, smsCode: CharSequence, phoneNumber: String) =
        done(SMSCODE, mapOf("action" to action, "smsCode" to smsCode, "phoneNumber" to phoneNumber)) { }

    private fun change(api: String, parameters: Map<String, Any?>) =
        Operation({ Pims.set(api, parameters, it) }, { if (it.reason == Code.POST_SYNCHRONIZATION) Unit else null }) { }

    private fun Any?.member(name: String): Any? = (this as? Map<*, *>)?.get(name)
}
