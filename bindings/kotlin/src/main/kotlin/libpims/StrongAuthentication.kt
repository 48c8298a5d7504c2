package libpims

/** What an accepted code says of the account. */
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
 * cannot.
 *
 * [enroll], [enrollWithPhoneNumber], [changePin] and [resetPin] succeed on 2316, too: it is done, and only a synchronization is left, which the next
 * operation makes.
 */
object StrongAuthentication {
    private const val ACCOUNT = "pims.authentication.account"
    private const val ENROLLMENT = "pims.authentication.enrollment"
    private const val OTP = "pims.authentication.otp"
    private const val PINCODE = "pims.authentication.pincode"
    private const val SMSCODE = "pims.authentication.smscode"
    private const val POST_SYNCHRONIZATION = 2316

    /** Has an SMS code for an enrollment sent to the trusted phone number. */
    suspend fun requestEnrollmentCode(): Result<Unit> = Pims.get(SMSCODE, mapOf("type" to "enrollment")).map { }

    /** Shows the code to the service, which says whether the account has a PIN. [enroll] without a code finishes. */
    suspend fun acceptEnrollmentCode(smsCode: CharSequence): Result<EnrollmentStatus> =
        Pims.set(SMSCODE, mapOf("action" to "enrollment", "smsCode" to smsCode))
            .mapCatching { EnrollmentStatus.valueOf(it.member("status") as String) }

    /** Enrolls the device: with a code in one step, without one after [acceptEnrollmentCode]. */
    suspend fun enroll(pin: CharSequence, smsCode: CharSequence = " "): Result<Unit> =
        change(ENROLLMENT, mapOf("action" to "enroll", "pinCode" to pin, "smsCode" to smsCode))

    /** Enrolls the device and registers the trusted phone number, with a code of [requestPhoneNumberCode]. */
    suspend fun enrollWithPhoneNumber(pin: CharSequence, smsCode: CharSequence, phoneNumber: String): Result<Unit> = change(
        ENROLLMENT,
        mapOf("action" to "enrollWithPhoneNumber", "pinCode" to pin, "smsCode" to smsCode, "phoneNumber" to phoneNumber),
    )

    /** Removes every enrollment of the account, with its PIN and a block, then this device's. */
    suspend fun removeEnrollments(): Result<Unit> = Pims.set(ENROLLMENT, mapOf("action" to "remove")).map { }

    /** Has an SMS code sent to a phone number that is to become the trusted one. */
    suspend fun requestPhoneNumberCode(phoneNumber: String): Result<Unit> =
        Pims.get(SMSCODE, mapOf("type" to "phoneNumberCertification", "phoneNumber" to phoneNumber)).map { }

    /** Registers the account's first trusted phone number. */
    suspend fun addPhoneNumber(smsCode: CharSequence, phoneNumber: String): Result<Unit> =
        number("addPhoneNumber", smsCode, phoneNumber)

    /** Puts another trusted phone number in place of the account's. */
    suspend fun modifyPhoneNumber(smsCode: CharSequence, phoneNumber: String): Result<Unit> =
        number("modifyPhoneNumber", smsCode, phoneNumber)

    /** The account's trusted phone number; 2307 where there is none. */
    suspend fun trustedPhoneNumber(): Result<String> =
        Pims.get("pims.authentication.trustedphonenumber").mapCatching { it.member("phoneNumber") as String }

    /** Changes the PIN. */
    suspend fun changePin(oldPin: CharSequence, newPin: CharSequence): Result<Unit> =
        change(PINCODE, mapOf("action" to "update", "oldPIN" to oldPin, "newPIN" to newPin))

    /** Has an SMS code sent with which the PIN can be set anew. */
    suspend fun requestResetCode(): Result<Unit> = Pims.get(SMSCODE, mapOf("type" to "resetPIN")).map { }

    /** Sets a new PIN with a code of [requestResetCode], and lifts a block of the PIN. */
    suspend fun resetPin(newPin: CharSequence, smsCode: CharSequence): Result<Unit> =
        change(PINCODE, mapOf("action" to "reset", "pinCode" to newPin, "smsCode" to smsCode))

    /** A one-time password. A wrong PIN is 2308, with [PimsException.attemptsLeft]. */
    suspend fun otp(pin: CharSequence): Result<String> =
        Pims.get(OTP, mapOf("action" to "withPIN", "pinCode" to pin)).mapCatching { it.member("otp") as String }

    /** A one-time password that proves the device and nothing of the person, where the service allows it. */
    suspend fun otpWithoutPin(): Result<String> =
        Pims.get(OTP, mapOf("action" to "withoutPIN")).mapCatching { it.member("otp") as String }

    /** Whether this device is enrolled, from its own state. */
    suspend fun isActivated(): Result<Boolean> =
        state("isDeviceActivated").mapCatching { it.member("isDeviceActivated") as Boolean }

    /** Whether the account is blocked; the service is asked where the device is enrolled. */
    suspend fun accountState(): Result<AccountState> =
        state("isAccountBlocked").mapCatching { AccountState.valueOf(it.member("isAccountBlocked") as String) }

    /** Replaces `account.accessToken`. */
    suspend fun setAccessToken(token: CharSequence): Result<Unit> =
        Pims.set("pims.authentication.token", mapOf("type" to "cvs", "token" to token)).map { }

    private suspend fun state(type: String) = Pims.get(ACCOUNT, mapOf("actionType" to "strong", "type" to type))

    private suspend fun number(action: String, smsCode: CharSequence, phoneNumber: String): Result<Unit> =
        Pims.set(SMSCODE, mapOf("action" to action, "smsCode" to smsCode, "phoneNumber" to phoneNumber)).map { }

    private suspend fun change(api: String, parameters: Map<String, Any?>): Result<Unit> = Pims.set(api, parameters).fold(
        onSuccess = { Result.success(Unit) },
        onFailure = { if ((it as? PimsException)?.code == POST_SYNCHRONIZATION) Result.success(Unit) else Result.failure(it) },
    )

    private fun Any?.member(name: String): Any? = (this as? Map<*, *>)?.get(name)
}
