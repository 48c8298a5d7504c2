package libpims

import java.util.concurrent.CompletableFuture

/** The state of an account, which an accepted code tells. */
enum class EnrollmentStatus {
    /** It has no PIN: the person chooses one. */
    NotEnrolled,

    /** It has a PIN, which the person enters. */
    AlreadyEnrolled,
}

/** Whether the account is blocked, and by what. */
enum class AccountState { NotBlocked, PinBlocked, AccountBlocked, Unknown }

/**
 * The operations of docs/api.md. A failure is a [PimsException]. PINs and codes are texts of any kind: a [StringBuilder] can be wiped, a [String]
 * cannot. [Session.device] has the same functions, which throw.
 *
 * [enroll], [enrollWithPhoneNumber], [changePin] and [resetPin] succeed on 2316, too: it is done, and only a synchronization is left, which the next
 * operation makes. A cancelled call counts, as [Pims.initialize] says.
 */
object StrongAuthentication {
    /** Has an SMS code for an enrollment sent to the trusted phone number. */
    suspend fun requestEnrollmentCode(): Result<Unit> = Operations.requestEnrollmentCode().result()

    /** Shows the code to the service, which says whether the account has a PIN. [enroll] without a code finishes. */
    suspend fun acceptEnrollmentCode(smsCode: CharSequence): Result<EnrollmentStatus> = Operations.acceptEnrollmentCode(smsCode).result()

    /** Enrolls the device: with a code in one step, without one after [acceptEnrollmentCode]. */
    suspend fun enroll(pin: CharSequence, smsCode: CharSequence = " "): Result<Unit> = Operations.enroll(pin, smsCode).result()

    /** Enrolls the device and registers the trusted phone number, with a code of [requestPhoneNumberCode]. */
    suspend fun enrollWithPhoneNumber(pin: CharSequence, smsCode: CharSequence, phoneNumber: String): Result<Unit> =
        Operations.enrollWithPhoneNumber(pin, smsCode, phoneNumber).result()

    /** Removes every enrollment of the account, with its PIN and a block, then this device's. */
    suspend fun removeEnrollments(): Result<Unit> = Operations.removeEnrollments().result()

    /** Has an SMS code sent to a phone number that is to become the trusted one. */
    suspend fun requestPhoneNumberCode(phoneNumber: String): Result<Unit> = Operations.requestPhoneNumberCode(phoneNumber).result()

    /** Registers the account's first trusted phone number. */
    suspend fun addPhoneNumber(smsCode: CharSequence, phoneNumber: String): Result<Unit> =
        Operations.addPhoneNumber(smsCode, phoneNumber).result()

    /** Puts another trusted phone number in place of the account's. */
    suspend fun modifyPhoneNumber(smsCode: CharSequence, phoneNumber: String): Result<Unit> =
        Operations.modifyPhoneNumber(smsCode, phoneNumber).result()

    /** The account's trusted phone number; 2307 where there is none. */
    suspend fun trustedPhoneNumber(): Result<String> = Operations.trustedPhoneNumber().result()

    /** Changes the PIN. */
    suspend fun changePin(oldPin: CharSequence, newPin: CharSequence): Result<Unit> = Operations.changePin(oldPin, newPin).result()

    /** Has an SMS code sent with which the PIN can be set anew. */
    suspend fun requestResetCode(): Result<Unit> = Operations.requestResetCode().result()

    /** Sets a new PIN with a code of [requestResetCode], and lifts a block of the PIN. */
    suspend fun resetPin(newPin: CharSequence, smsCode: CharSequence): Result<Unit> = Operations.resetPin(newPin, smsCode).result()

    /** A one-time password. A wrong PIN is 2308, with [PimsException.attemptsLeft]. */
    suspend fun otp(pin: CharSequence): Result<String> = Operations.otp(pin).result()

    /** A one-time password that proves the device and nothing of the person, where the service allows it. */
    suspend fun otpWithoutPin(): Result<String> = Operations.otpWithoutPin().result()

    /** Whether this device is enrolled, from its own state. */
    suspend fun isActivated(): Result<Boolean> = Operations.isActivated().result()

    /** Whether the account is blocked; the service is asked where the device is enrolled. */
    suspend fun accountState(): Result<AccountState> = Operations.accountState().result()

    /** Replaces `account.accessToken`. */
    suspend fun setAccessToken(token: CharSequence): Result<Unit> = Operations.setAccessToken(token).result()
}

/**
 * The operations of a [Session]: as those of [StrongAuthentication], but a failure is thrown, a [PimsException]. A cancelled call counts, as
 * [Pims.initialize] says.
 */
class Device internal constructor() {
    /** Has an SMS code for an enrollment sent to the trusted phone number. */
    suspend fun requestEnrollmentCode(): Unit = Operations.requestEnrollmentCode().await()

    /** Shows the code to the service, which says whether the account has a PIN. [enroll] without a code finishes. */
    suspend fun acceptEnrollmentCode(smsCode: CharSequence): EnrollmentStatus = Operations.acceptEnrollmentCode(smsCode).await()

    /** Enrolls the device: with a code in one step, without one after [acceptEnrollmentCode]. */
    suspend fun enroll(pin: CharSequence, smsCode: CharSequence = " "): Unit = Operations.enroll(pin, smsCode).await()

    /** Enrolls the device and registers the trusted phone number, with a code of [requestPhoneNumberCode]. */
    suspend fun enrollWithPhoneNumber(pin: CharSequence, smsCode: CharSequence, phoneNumber: String): Unit =
        Operations.enrollWithPhoneNumber(pin, smsCode, phoneNumber).await()

    /** Removes every enrollment of the account, with its PIN and a block, then this device's. */
    suspend fun removeEnrollments(): Unit = Operations.removeEnrollments().await()

    /** Has an SMS code sent to a phone number that is to become the trusted one. */
    suspend fun requestPhoneNumberCode(phoneNumber: String): Unit = Operations.requestPhoneNumberCode(phoneNumber).await()

    /** Registers the account's first trusted phone number. */
    suspend fun addPhoneNumber(smsCode: CharSequence, phoneNumber: String): Unit = Operations.addPhoneNumber(smsCode, phoneNumber).await()

    /** Puts another trusted phone number in place of the account's. */
    suspend fun modifyPhoneNumber(smsCode: CharSequence, phoneNumber: String): Unit =
        Operations.modifyPhoneNumber(smsCode, phoneNumber).await()

    /** The account's trusted phone number; 2307 where there is none. */
    suspend fun trustedPhoneNumber(): String = Operations.trustedPhoneNumber().await()

    /** Changes the PIN. */
    suspend fun changePin(oldPin: CharSequence, newPin: CharSequence): Unit = Operations.changePin(oldPin, newPin).await()

    /** Has an SMS code sent with which the PIN can be set anew. */
    suspend fun requestResetCode(): Unit = Operations.requestResetCode().await()

    /** Sets a new PIN with a code of [requestResetCode], and lifts a block of the PIN. */
    suspend fun resetPin(newPin: CharSequence, smsCode: CharSequence): Unit = Operations.resetPin(newPin, smsCode).await()

    /** A one-time password. A wrong PIN is 2308, with [PimsException.attemptsLeft]. */
    suspend fun otp(pin: CharSequence): String = Operations.otp(pin).await()

    /** A one-time password that proves the device and nothing of the person, where the service allows it. */
    suspend fun otpWithoutPin(): String = Operations.otpWithoutPin().await()

    /** Whether this device is enrolled, from its own state. */
    suspend fun isActivated(): Boolean = Operations.isActivated().await()

    /** Whether the account is blocked; the service is asked where the device is enrolled. */
    suspend fun accountState(): AccountState = Operations.accountState().await()

    /** Replaces `account.accessToken`. */
    suspend fun setAccessToken(token: CharSequence): Unit = Operations.setAccessToken(token).await()
}

/**
 * The operations of [StrongAuthentication] for Java. Each returns a future, which fails with a [PimsException]; [Pims.initializeAsync] says on
 * which thread futures complete, and what a cancelled one means. PINs and codes are texts of any kind: a [StringBuilder] can be wiped.
 */
object StrongAuthenticationAsync {
    /** Has an SMS code for an enrollment sent to the trusted phone number. */
    fun requestEnrollmentCode(): CompletableFuture<Void?> = Operations.requestEnrollmentCode().nothing()

    /** Shows the code to the service, which says whether the account has a PIN. [enroll] without a code finishes. */
    fun acceptEnrollmentCode(smsCode: CharSequence): CompletableFuture<EnrollmentStatus> =
        Operations.acceptEnrollmentCode(smsCode).future()

    /** Enrolls the device: with a code in one step, without one after [acceptEnrollmentCode]. */
    @JvmOverloads
    fun enroll(pin: CharSequence, smsCode: CharSequence = " "): CompletableFuture<Void?> = Operations.enroll(pin, smsCode).nothing()

    /** Enrolls the device and registers the trusted phone number, with a code of [requestPhoneNumberCode]. */
    fun enrollWithPhoneNumber(pin: CharSequence, smsCode: CharSequence, phoneNumber: String): CompletableFuture<Void?> =
        Operations.enrollWithPhoneNumber(pin, smsCode, phoneNumber).nothing()

    /** Removes every enrollment of the account, with its PIN and a block, then this device's. */
    fun removeEnrollments(): CompletableFuture<Void?> = Operations.removeEnrollments().nothing()

    /** Has an SMS code sent to a phone number that is to become the trusted one. */
    fun requestPhoneNumberCode(phoneNumber: String): CompletableFuture<Void?> = Operations.requestPhoneNumberCode(phoneNumber).nothing()

    /** Registers the account's first trusted phone number. */
    fun addPhoneNumber(smsCode: CharSequence, phoneNumber: String): CompletableFuture<Void?> =
        Operations.addPhoneNumber(smsCode, phoneNumber).nothing()

    /** Puts another trusted phone number in place of the account's. */
    fun modifyPhoneNumber(smsCode: CharSequence, phoneNumber: String): CompletableFuture<Void?> =
        Operations.modifyPhoneNumber(smsCode, phoneNumber).nothing()

    /** The account's trusted phone number; 2307 where there is none. */
    fun trustedPhoneNumber(): CompletableFuture<String> = Operations.trustedPhoneNumber().future()

    /** Changes the PIN. */
    fun changePin(oldPin: CharSequence, newPin: CharSequence): CompletableFuture<Void?> = Operations.changePin(oldPin, newPin).nothing()

    /** Has an SMS code sent with which the PIN can be set anew. */
    fun requestResetCode(): CompletableFuture<Void?> = Operations.requestResetCode().nothing()

    /** Sets a new PIN with a code of [requestResetCode], and lifts a block of the PIN. */
    fun resetPin(newPin: CharSequence, smsCode: CharSequence): CompletableFuture<Void?> = Operations.resetPin(newPin, smsCode).nothing()

    /** A one-time password. A wrong PIN is 2308, with [PimsException.attemptsLeft]. */
    fun otp(pin: CharSequence): CompletableFuture<String> = Operations.otp(pin).future()

    /** A one-time password that proves the device and nothing of the person, where the service allows it. */
    fun otpWithoutPin(): CompletableFuture<String> = Operations.otpWithoutPin().future()

    /** Whether this device is enrolled, from its own state. */
    fun isActivated(): CompletableFuture<Boolean> = Operations.isActivated().future()

    /** Whether the account is blocked; the service is asked where the device is enrolled. */
    fun accountState(): CompletableFuture<AccountState> = Operations.accountState().future()

    /** Replaces `account.accessToken`. */
    fun setAccessToken(token: CharSequence): CompletableFuture<Void?> = Operations.setAccessToken(token).nothing()
}
