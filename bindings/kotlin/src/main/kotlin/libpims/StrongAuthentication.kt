// Printed from tests/spec/api.json and operations.json by `make generate`: do not edit.

package libpims

import java.time.Instant
import java.util.concurrent.CompletableFuture

/** The state of the account, which the service reports with an accepted code. */
enum class EnrollmentStatus {
    /** The account has no PIN: the user chooses one. */
    NotEnrolled,

    /** The account has a PIN, which the user enters. */
    AlreadyEnrolled,
}

/** The block of the account: of its PIN or of the account itself. */
enum class AccountState { NotBlocked, PinBlocked, AccountBlocked, Unknown }

/** The place of a device's storage key, by its own statement. Nobody checks it. */
enum class Keystore {
    /** A security chip holds the key. */
    Hardware,

    /** Software alone holds the key. */
    Software,
}

/** The state of the approval of a new device. */
enum class ApprovalState {
    /** No device waits. */
    None,

    /** A new device waits for the decision of another one: this one may decide. */
    Asked,

    /** This device is the new one, and waits. */
    Waiting,
}

/** A device of the account. */
data class AccountDevice(
    /** The beginning of its id, which names it among the devices of the account. */
    val deviceId: String,
    /** The name that its user gave it. It is text, never markup. */
    val name: String,
    /** The time of its enrollment. */
    val since: Instant,
    /** The time of its last use, if it was used. */
    val lastUsed: Instant?,
    /** True for the device that makes the call. */
    val thisDevice: Boolean,
    /** The place of its storage key, if it told one. */
    val keystore: Keystore?,
) {
    internal companion object {
        fun of(members: Any?): AccountDevice {
            val map = members as Map<*, *>
            return AccountDevice(
                map["deviceId"] as String,
                map["name"] as String,
                (map["since"] as Number).toLong().let(Instant::ofEpochMilli),
                (map["lastUsed"] as Number?)?.toLong()?.let(Instant::ofEpochMilli),
                map["thisDevice"] as Boolean,
                (map["keystore"] as String?)?.let { Keystore.valueOf(it.replaceFirstChar(Char::uppercaseChar)) },
            )
        }
    }
}

/** An event of the account, which the service keeps for its devices. */
data class AccountNotice(
    /** The kind of the event, such as newDevice (docs/api.md has them all). A newer service may
     * have others. */
    val event: String,
    /** The time of the event. */
    val at: Instant,
    /** The beginning of the id of the device that the event is about, if it is about one. */
    val deviceId: String?,
    /** The name that this device had then. It is text, never markup. */
    val name: String?,
) {
    internal companion object {
        fun of(members: Any?): AccountNotice {
            val map = members as Map<*, *>
            return AccountNotice(
                map["event"] as String,
                (map["at"] as Number).toLong().let(Instant::ofEpochMilli),
                map["deviceId"] as String?,
                map["name"] as String?,
            )
        }
    }
}

/** The approval of a new device: its state, and what is known of the device. */
data class Approval(
    /** The state. The other members belong to it. */
    val state: ApprovalState,
    /** The two digits that this device must show, if it is the one that waits. */
    val number: String?,
    /** The id of the device that waits, if this device may decide. */
    val deviceId: String?,
    /** The name of the device that waits. It is text, never markup. */
    val name: String?,
    /** The time of its enrollment. */
    val since: Instant?,
    /** The seconds that are left for a decision, if a device waits. */
    val lifetimeSeconds: Long?,
) {
    internal companion object {
        fun of(members: Any?): Approval {
            val map = members as Map<*, *>
            return Approval(
                (map["state"] as String).let { ApprovalState.valueOf(it.replaceFirstChar(Char::uppercaseChar)) },
                map["number"] as String?,
                map["deviceId"] as String?,
                map["name"] as String?,
                (map["since"] as Number?)?.toLong()?.let(Instant::ofEpochMilli),
                (map["lifetimeSeconds"] as Number?)?.toLong(),
            )
        }
    }
}

/**
 * The operations of docs/api.md, on the default facade. A failure is a [PimsException]. PINs and
 * codes are texts of any type: a [StringBuilder] can be wiped, a [String] cannot. [Session.device]
 * has the same functions, which throw.
 *
 * [enroll], [enrollWithPhoneNumber], [changePin] and [resetPin] succeed on 2316, too. Then the
 * change is done, and only a synchronization is left, which the next operation makes. A cancelled
 * call counts; see [Pims.initialize].
 */
object StrongAuthentication {
    private val operations = Operations.DEFAULT

    /** Asks the service to send an SMS code for an enrollment to the trusted phone number. */
    suspend fun requestEnrollmentCode(): Result<Unit> = operations.requestEnrollmentCode().result()

    /**
     * Submits the code. The result tells if the account has a PIN. A call of [enroll] without a
     * code then finishes the enrollment.
     */
    suspend fun acceptEnrollmentCode(smsCode: CharSequence): Result<EnrollmentStatus> = operations.acceptEnrollmentCode(smsCode).result()

    /**
     * Enrolls the device: in one step with a code, or without a code after [acceptEnrollmentCode].
     * If another device of the account must confirm or approve it, this one does not work before:
     * [pendingFingerprint] or [approval] has what this device must show.
     */
    suspend fun enroll(pin: CharSequence, smsCode: CharSequence = " "): Result<Unit> = operations.enroll(pin, smsCode).result()

    /**
     * Enrolls the device and registers the trusted phone number, with a code from
     * [requestPhoneNumberCode].
     */
    suspend fun enrollWithPhoneNumber(pin: CharSequence, smsCode: CharSequence, phoneNumber: String): Result<Unit> =
        operations.enrollWithPhoneNumber(pin, smsCode, phoneNumber).result()

    /**
     * Imports the enrollment of another client, whose PIN one password proves. Returns a warning:
     * the other client must stop, and its file must be removed. `format` is `auto`, `pickle`,
     * `homey-json`, `e3008-json`, `kotlin-json` or `pims`. A pickle is given in base64.
     */
    suspend fun importEnrollment(format: String, state: CharSequence, pin: CharSequence): Result<String> =
        operations.importEnrollment(format, state, pin).result()

    /**
     * Returns the enrollment of this device as neutral JSON, with K1 in clear. One password proves
     * the PIN.
     */
    suspend fun exportEnrollment(pin: CharSequence): Result<String> = operations.exportEnrollment(pin).result()

    /**
     * Returns a code of ten letters with which another device of the account enrolls, if the
     * service permits it. A code before it ends.
     */
    suspend fun makeEnrollmentCode(pin: CharSequence): Result<String> = operations.makeEnrollmentCode(pin).result()

    /**
     * Returns the fingerprint of the device that entered the code and waits for its confirmation:
     * another device, or this one. Returns null if none waits.
     */
    suspend fun pendingFingerprint(): Result<String?> = operations.pendingFingerprint().result()

    /** Lets the device with this fingerprint work. The user has compared it on both devices. */
    suspend fun confirmDevice(fingerprint: String, pin: CharSequence): Result<Unit> = operations.confirmDevice(fingerprint, pin).result()

    /** Ends the device with this fingerprint, which entered the code. */
    suspend fun rejectDevice(fingerprint: String, pin: CharSequence): Result<Unit> = operations.rejectDevice(fingerprint, pin).result()

    /**
     * Returns whether a new device waits for an approval: another one, or this one after [enroll].
     * This one must then show its number to the user.
     */
    suspend fun approval(): Result<Approval> = operations.approval().result()

    /**
     * Lets the new device work. The user has read the number on that device, and enters it here. A
     * wrong number ends that device.
     */
    suspend fun approveNewDevice(deviceId: String, number: String, pin: CharSequence): Result<Unit> =
        operations.approveNewDevice(deviceId, number, pin).result()

    /**
     * Ends the new device, and blocks the account: the user did not enroll it. The user sets a new
     * PIN with an SMS code, see [resetPin].
     */
    suspend fun rejectNewDevice(deviceId: String): Result<Unit> = operations.rejectNewDevice(deviceId).result()

    /**
     * Returns the events of the account that the service still has, the newest first. Those that
     * this device caused are not among them.
     */
    suspend fun notices(): Result<List<AccountNotice>> = operations.notices().result()

    /**
     * Removes every enrollment of the account, its PIN and a block, then this device's enrollment.
     */
    suspend fun removeEnrollments(): Result<Unit> = operations.removeEnrollments().result()

    /** Asks the service to send an SMS code to a phone number that is to become the trusted one. */
    suspend fun requestPhoneNumberCode(phoneNumber: String): Result<Unit> = operations.requestPhoneNumberCode(phoneNumber).result()

    /** Registers the account's first trusted phone number. */
    suspend fun addPhoneNumber(smsCode: CharSequence, phoneNumber: String): Result<Unit> =
        operations.addPhoneNumber(smsCode, phoneNumber).result()

    /** Replaces the account's trusted phone number. */
    suspend fun modifyPhoneNumber(smsCode: CharSequence, phoneNumber: String): Result<Unit> =
        operations.modifyPhoneNumber(smsCode, phoneNumber).result()

    /** Returns the account's trusted phone number. The failure is 2307 if there is none. */
    suspend fun trustedPhoneNumber(): Result<String> = operations.trustedPhoneNumber().result()

    /** Changes the PIN. */
    suspend fun changePin(oldPin: CharSequence, newPin: CharSequence): Result<Unit> = operations.changePin(oldPin, newPin).result()

    /** Asks the service to send an SMS code with which the user can set a new PIN. */
    suspend fun requestResetCode(): Result<Unit> = operations.requestResetCode().result()

    /** Sets a new PIN with a code from [requestResetCode], and lifts a block of the PIN. */
    suspend fun resetPin(newPin: CharSequence, smsCode: CharSequence): Result<Unit> = operations.resetPin(newPin, smsCode).result()

    /** Returns a one-time password. A wrong PIN is 2308, with [PimsException.attemptsLeft]. */
    suspend fun otp(pin: CharSequence): Result<String> = operations.otp(pin).result()

    /**
     * Returns a one-time password that proves the device and nothing about the user, if the service
     * allows it.
     */
    suspend fun otpWithoutPin(): Result<String> = operations.otpWithoutPin().result()

    /** Returns the devices of the account. A device that is not enrolled needs the access token. */
    suspend fun devices(): Result<List<AccountDevice>> = operations.devices().result()

    /**
     * Renames a device of the account. An enrolled device must give the PIN. Another one needs the
     * access token instead.
     */
    suspend fun renameDevice(deviceId: String, name: String, pin: CharSequence = " "): Result<Unit> =
        operations.renameDevice(deviceId, name, pin).result()

    /**
     * Removes one device of the account, this one or another. An enrolled device must give the PIN.
     * Another one needs the access token instead.
     */
    suspend fun removeDevice(deviceId: String, pin: CharSequence = " "): Result<Unit> = operations.removeDevice(deviceId, pin).result()

    /** Returns true if this device is enrolled, according to its own state. */
    suspend fun isActivated(): Result<Boolean> = operations.isActivated().result()

    /**
     * Returns the block of the account. If the device is enrolled, the library asks the service.
     */
    suspend fun accountState(): Result<AccountState> = operations.accountState().result()

    /** Replaces `account.accessToken`. */
    suspend fun setAccessToken(token: CharSequence): Result<Unit> = operations.setAccessToken(token).result()
}

/**
 * The operations of a [Session]: those of [StrongAuthentication], but they throw a [PimsException]
 * for a failure. A cancelled call counts; see [Pims.initialize].
 */
class Device internal constructor(private val operations: Operations) {
    /** Asks the service to send an SMS code for an enrollment to the trusted phone number. */
    suspend fun requestEnrollmentCode(): Unit = operations.requestEnrollmentCode().await()

    /**
     * Submits the code. The result tells if the account has a PIN. A call of [enroll] without a
     * code then finishes the enrollment.
     */
    suspend fun acceptEnrollmentCode(smsCode: CharSequence): EnrollmentStatus = operations.acceptEnrollmentCode(smsCode).await()

    /**
     * Enrolls the device: in one step with a code, or without a code after [acceptEnrollmentCode].
     * If another device of the account must confirm or approve it, this one does not work before:
     * [pendingFingerprint] or [approval] has what this device must show.
     */
    suspend fun enroll(pin: CharSequence, smsCode: CharSequence = " "): Unit = operations.enroll(pin, smsCode).await()

    /**
     * Enrolls the device and registers the trusted phone number, with a code from
     * [requestPhoneNumberCode].
     */
    suspend fun enrollWithPhoneNumber(pin: CharSequence, smsCode: CharSequence, phoneNumber: String): Unit =
        operations.enrollWithPhoneNumber(pin, smsCode, phoneNumber).await()

    /**
     * Imports the enrollment of another client, whose PIN one password proves. Returns a warning:
     * the other client must stop, and its file must be removed. `format` is `auto`, `pickle`,
     * `homey-json`, `e3008-json`, `kotlin-json` or `pims`. A pickle is given in base64.
     */
    suspend fun importEnrollment(format: String, state: CharSequence, pin: CharSequence): String =
        operations.importEnrollment(format, state, pin).await()

    /**
     * Returns the enrollment of this device as neutral JSON, with K1 in clear. One password proves
     * the PIN.
     */
    suspend fun exportEnrollment(pin: CharSequence): String = operations.exportEnrollment(pin).await()

    /**
     * Returns a code of ten letters with which another device of the account enrolls, if the
     * service permits it. A code before it ends.
     */
    suspend fun makeEnrollmentCode(pin: CharSequence): String = operations.makeEnrollmentCode(pin).await()

    /**
     * Returns the fingerprint of the device that entered the code and waits for its confirmation:
     * another device, or this one. Returns null if none waits.
     */
    suspend fun pendingFingerprint(): String? = operations.pendingFingerprint().await()

    /** Lets the device with this fingerprint work. The user has compared it on both devices. */
    suspend fun confirmDevice(fingerprint: String, pin: CharSequence): Unit = operations.confirmDevice(fingerprint, pin).await()

    /** Ends the device with this fingerprint, which entered the code. */
    suspend fun rejectDevice(fingerprint: String, pin: CharSequence): Unit = operations.rejectDevice(fingerprint, pin).await()

    /**
     * Returns whether a new device waits for an approval: another one, or this one after [enroll].
     * This one must then show its number to the user.
     */
    suspend fun approval(): Approval = operations.approval().await()

    /**
     * Lets the new device work. The user has read the number on that device, and enters it here. A
     * wrong number ends that device.
     */
    suspend fun approveNewDevice(deviceId: String, number: String, pin: CharSequence): Unit =
        operations.approveNewDevice(deviceId, number, pin).await()

    /**
     * Ends the new device, and blocks the account: the user did not enroll it. The user sets a new
     * PIN with an SMS code, see [resetPin].
     */
    suspend fun rejectNewDevice(deviceId: String): Unit = operations.rejectNewDevice(deviceId).await()

    /**
     * Returns the events of the account that the service still has, the newest first. Those that
     * this device caused are not among them.
     */
    suspend fun notices(): List<AccountNotice> = operations.notices().await()

    /**
     * Removes every enrollment of the account, its PIN and a block, then this device's enrollment.
     */
    suspend fun removeEnrollments(): Unit = operations.removeEnrollments().await()

    /** Asks the service to send an SMS code to a phone number that is to become the trusted one. */
    suspend fun requestPhoneNumberCode(phoneNumber: String): Unit = operations.requestPhoneNumberCode(phoneNumber).await()

    /** Registers the account's first trusted phone number. */
    suspend fun addPhoneNumber(smsCode: CharSequence, phoneNumber: String): Unit = operations.addPhoneNumber(smsCode, phoneNumber).await()

    /** Replaces the account's trusted phone number. */
    suspend fun modifyPhoneNumber(smsCode: CharSequence, phoneNumber: String): Unit =
        operations.modifyPhoneNumber(smsCode, phoneNumber).await()

    /** Returns the account's trusted phone number. The failure is 2307 if there is none. */
    suspend fun trustedPhoneNumber(): String = operations.trustedPhoneNumber().await()

    /** Changes the PIN. */
    suspend fun changePin(oldPin: CharSequence, newPin: CharSequence): Unit = operations.changePin(oldPin, newPin).await()

    /** Asks the service to send an SMS code with which the user can set a new PIN. */
    suspend fun requestResetCode(): Unit = operations.requestResetCode().await()

    /** Sets a new PIN with a code from [requestResetCode], and lifts a block of the PIN. */
    suspend fun resetPin(newPin: CharSequence, smsCode: CharSequence): Unit = operations.resetPin(newPin, smsCode).await()

    /** Returns a one-time password. A wrong PIN is 2308, with [PimsException.attemptsLeft]. */
    suspend fun otp(pin: CharSequence): String = operations.otp(pin).await()

    /**
     * Returns a one-time password that proves the device and nothing about the user, if the service
     * allows it.
     */
    suspend fun otpWithoutPin(): String = operations.otpWithoutPin().await()

    /** Returns the devices of the account. A device that is not enrolled needs the access token. */
    suspend fun devices(): List<AccountDevice> = operations.devices().await()

    /**
     * Renames a device of the account. An enrolled device must give the PIN. Another one needs the
     * access token instead.
     */
    suspend fun renameDevice(deviceId: String, name: String, pin: CharSequence = " "): Unit =
        operations.renameDevice(deviceId, name, pin).await()

    /**
     * Removes one device of the account, this one or another. An enrolled device must give the PIN.
     * Another one needs the access token instead.
     */
    suspend fun removeDevice(deviceId: String, pin: CharSequence = " "): Unit = operations.removeDevice(deviceId, pin).await()

    /** Returns true if this device is enrolled, according to its own state. */
    suspend fun isActivated(): Boolean = operations.isActivated().await()

    /**
     * Returns the block of the account. If the device is enrolled, the library asks the service.
     */
    suspend fun accountState(): AccountState = operations.accountState().await()

    /** Replaces `account.accessToken`. */
    suspend fun setAccessToken(token: CharSequence): Unit = operations.setAccessToken(token).await()
}

/**
 * The operations for Java, on the default facade ([Pims.strongAuthenticationAsync]) or on that of a
 * session ([Session.deviceAsync]). Each one returns a future, which fails with a [PimsException].
 * [Pims.initializeAsync] describes the thread on which futures complete, and the effect of a
 * cancellation. PINs and codes are texts of any type: a [StringBuilder] can be wiped.
 */
open class StrongAuthenticationAsync internal constructor(private val operations: Operations) {
    /** Asks the service to send an SMS code for an enrollment to the trusted phone number. */
    fun requestEnrollmentCode(): CompletableFuture<Void?> = operations.requestEnrollmentCode().nothing()

    /**
     * Submits the code. The result tells if the account has a PIN. A call of [enroll] without a
     * code then finishes the enrollment.
     */
    fun acceptEnrollmentCode(smsCode: CharSequence): CompletableFuture<EnrollmentStatus> = operations.acceptEnrollmentCode(smsCode).future()

    /**
     * Enrolls the device: in one step with a code, or without a code after [acceptEnrollmentCode].
     * If another device of the account must confirm or approve it, this one does not work before:
     * [pendingFingerprint] or [approval] has what this device must show.
     */
    @JvmOverloads
    fun enroll(pin: CharSequence, smsCode: CharSequence = " "): CompletableFuture<Void?> = operations.enroll(pin, smsCode).nothing()

    /**
     * Enrolls the device and registers the trusted phone number, with a code from
     * [requestPhoneNumberCode].
     */
    fun enrollWithPhoneNumber(pin: CharSequence, smsCode: CharSequence, phoneNumber: String): CompletableFuture<Void?> =
        operations.enrollWithPhoneNumber(pin, smsCode, phoneNumber).nothing()

    /**
     * Imports the enrollment of another client, whose PIN one password proves. Returns a warning:
     * the other client must stop, and its file must be removed. `format` is `auto`, `pickle`,
     * `homey-json`, `e3008-json`, `kotlin-json` or `pims`. A pickle is given in base64.
     */
    fun importEnrollment(format: String, state: CharSequence, pin: CharSequence): CompletableFuture<String> =
        operations.importEnrollment(format, state, pin).future()

    /**
     * Returns the enrollment of this device as neutral JSON, with K1 in clear. One password proves
     * the PIN.
     */
    fun exportEnrollment(pin: CharSequence): CompletableFuture<String> = operations.exportEnrollment(pin).future()

    /**
     * Returns a code of ten letters with which another device of the account enrolls, if the
     * service permits it. A code before it ends.
     */
    fun makeEnrollmentCode(pin: CharSequence): CompletableFuture<String> = operations.makeEnrollmentCode(pin).future()

    /**
     * Returns the fingerprint of the device that entered the code and waits for its confirmation:
     * another device, or this one. Returns null if none waits.
     */
    fun pendingFingerprint(): CompletableFuture<String?> = operations.pendingFingerprint().future()

    /** Lets the device with this fingerprint work. The user has compared it on both devices. */
    fun confirmDevice(fingerprint: String, pin: CharSequence): CompletableFuture<Void?> =
        operations.confirmDevice(fingerprint, pin).nothing()

    /** Ends the device with this fingerprint, which entered the code. */
    fun rejectDevice(fingerprint: String, pin: CharSequence): CompletableFuture<Void?> = operations.rejectDevice(fingerprint, pin).nothing()

    /**
     * Returns whether a new device waits for an approval: another one, or this one after [enroll].
     * This one must then show its number to the user.
     */
    fun approval(): CompletableFuture<Approval> = operations.approval().future()

    /**
     * Lets the new device work. The user has read the number on that device, and enters it here. A
     * wrong number ends that device.
     */
    fun approveNewDevice(deviceId: String, number: String, pin: CharSequence): CompletableFuture<Void?> =
        operations.approveNewDevice(deviceId, number, pin).nothing()

    /**
     * Ends the new device, and blocks the account: the user did not enroll it. The user sets a new
     * PIN with an SMS code, see [resetPin].
     */
    fun rejectNewDevice(deviceId: String): CompletableFuture<Void?> = operations.rejectNewDevice(deviceId).nothing()

    /**
     * Returns the events of the account that the service still has, the newest first. Those that
     * this device caused are not among them.
     */
    fun notices(): CompletableFuture<List<AccountNotice>> = operations.notices().future()

    /**
     * Removes every enrollment of the account, its PIN and a block, then this device's enrollment.
     */
    fun removeEnrollments(): CompletableFuture<Void?> = operations.removeEnrollments().nothing()

    /** Asks the service to send an SMS code to a phone number that is to become the trusted one. */
    fun requestPhoneNumberCode(phoneNumber: String): CompletableFuture<Void?> = operations.requestPhoneNumberCode(phoneNumber).nothing()

    /** Registers the account's first trusted phone number. */
    fun addPhoneNumber(smsCode: CharSequence, phoneNumber: String): CompletableFuture<Void?> =
        operations.addPhoneNumber(smsCode, phoneNumber).nothing()

    /** Replaces the account's trusted phone number. */
    fun modifyPhoneNumber(smsCode: CharSequence, phoneNumber: String): CompletableFuture<Void?> =
        operations.modifyPhoneNumber(smsCode, phoneNumber).nothing()

    /** Returns the account's trusted phone number. The failure is 2307 if there is none. */
    fun trustedPhoneNumber(): CompletableFuture<String> = operations.trustedPhoneNumber().future()

    /** Changes the PIN. */
    fun changePin(oldPin: CharSequence, newPin: CharSequence): CompletableFuture<Void?> = operations.changePin(oldPin, newPin).nothing()

    /** Asks the service to send an SMS code with which the user can set a new PIN. */
    fun requestResetCode(): CompletableFuture<Void?> = operations.requestResetCode().nothing()

    /** Sets a new PIN with a code from [requestResetCode], and lifts a block of the PIN. */
    fun resetPin(newPin: CharSequence, smsCode: CharSequence): CompletableFuture<Void?> = operations.resetPin(newPin, smsCode).nothing()

    /** Returns a one-time password. A wrong PIN is 2308, with [PimsException.attemptsLeft]. */
    fun otp(pin: CharSequence): CompletableFuture<String> = operations.otp(pin).future()

    /**
     * Returns a one-time password that proves the device and nothing about the user, if the service
     * allows it.
     */
    fun otpWithoutPin(): CompletableFuture<String> = operations.otpWithoutPin().future()

    /** Returns the devices of the account. A device that is not enrolled needs the access token. */
    fun devices(): CompletableFuture<List<AccountDevice>> = operations.devices().future()

    /**
     * Renames a device of the account. An enrolled device must give the PIN. Another one needs the
     * access token instead.
     */
    @JvmOverloads
    fun renameDevice(deviceId: String, name: String, pin: CharSequence = " "): CompletableFuture<Void?> =
        operations.renameDevice(deviceId, name, pin).nothing()

    /**
     * Removes one device of the account, this one or another. An enrolled device must give the PIN.
     * Another one needs the access token instead.
     */
    @JvmOverloads
    fun removeDevice(deviceId: String, pin: CharSequence = " "): CompletableFuture<Void?> = operations.removeDevice(deviceId, pin).nothing()

    /** Returns true if this device is enrolled, according to its own state. */
    fun isActivated(): CompletableFuture<Boolean> = operations.isActivated().future()

    /**
     * Returns the block of the account. If the device is enrolled, the library asks the service.
     */
    fun accountState(): CompletableFuture<AccountState> = operations.accountState().future()

    /** Replaces `account.accessToken`. */
    fun setAccessToken(token: CharSequence): CompletableFuture<Void?> = operations.setAccessToken(token).nothing()

    /** The operations on the default facade. */
    companion object Default : StrongAuthenticationAsync(Operations.DEFAULT)
}
