// Printed from tests/spec/api.json and operations.json by `make generate`: do not edit.

package libpims

/** The operations, once for all the forms of the interface. */
internal class Operations(facade: Facade) : UntypedOperations(facade) {
    fun requestEnrollmentCode() = get("pims.authentication.smscode", mapOf("type" to "enrollment")) { }

    fun acceptEnrollmentCode(smsCode: CharSequence) = set(
        "pims.authentication.smscode",
        mapOf("action" to "enrollment", "smsCode" to smsCode),
    ) { EnrollmentStatus.valueOf(it.member("status") as String) }

    fun enroll(pin: CharSequence, smsCode: CharSequence) =
        change("pims.authentication.enrollment", mapOf("action" to "enroll", "pinCode" to pin, "smsCode" to smsCode))

    fun enrollWithPhoneNumber(pin: CharSequence, smsCode: CharSequence, phoneNumber: String) = change(
        "pims.authentication.enrollment",
        mapOf("action" to "enrollWithPhoneNumber", "pinCode" to pin, "smsCode" to smsCode, "phoneNumber" to phoneNumber),
    )

    fun importEnrollment(format: String, state: CharSequence, pin: CharSequence) = set(
        "pims.authentication.enrollment",
        mapOf("action" to "import", "format" to format, "state" to state, "pinCode" to pin),
    ) { it.member("warning") as String }

    fun exportEnrollment(pin: CharSequence) = set(
        "pims.authentication.enrollment",
        mapOf("action" to "export", "plain" to "true", "pinCode" to pin),
    ) { it.member("state") as String }

    fun makeEnrollmentCode(pin: CharSequence) =
        get("pims.authentication.enrollmentcode", mapOf("action" to "make", "pinCode" to pin)) { it.member("code") as String }

    fun pendingFingerprint() = get("pims.authentication.enrollmentcode", mapOf("action" to "state")) { it.member("fingerprint") as String? }

    fun confirmDevice(fingerprint: String, pin: CharSequence) =
        set("pims.authentication.enrollmentcode", mapOf("action" to "confirm", "fingerprint" to fingerprint, "pinCode" to pin)) { }

    fun rejectDevice(fingerprint: String, pin: CharSequence) =
        set("pims.authentication.enrollmentcode", mapOf("action" to "reject", "fingerprint" to fingerprint, "pinCode" to pin)) { }

    fun approval() = get("pims.authentication.approval", emptyMap()) { Approval.of(it) }

    fun approveNewDevice(deviceId: String, number: String, pin: CharSequence) =
        set("pims.authentication.approval", mapOf("action" to "approve", "deviceId" to deviceId, "number" to number, "pinCode" to pin)) { }

    fun rejectNewDevice(deviceId: String) = set("pims.authentication.approval", mapOf("action" to "reject", "deviceId" to deviceId)) { }

    fun notices() = get("pims.authentication.notices", emptyMap()) { (it.member("notices") as List<*>).map(AccountNotice::of) }

    fun removeEnrollments() = set("pims.authentication.enrollment", mapOf("action" to "remove")) { }

    fun requestPhoneNumberCode(phoneNumber: String) =
        get("pims.authentication.smscode", mapOf("type" to "phoneNumberCertification", "phoneNumber" to phoneNumber)) { }

    fun addPhoneNumber(smsCode: CharSequence, phoneNumber: String) =
        set("pims.authentication.smscode", mapOf("action" to "addPhoneNumber", "smsCode" to smsCode, "phoneNumber" to phoneNumber)) { }

    fun modifyPhoneNumber(smsCode: CharSequence, phoneNumber: String) =
        set("pims.authentication.smscode", mapOf("action" to "modifyPhoneNumber", "smsCode" to smsCode, "phoneNumber" to phoneNumber)) { }

    fun trustedPhoneNumber() = get("pims.authentication.trustedphonenumber", emptyMap()) { it.member("phoneNumber") as String }

    fun changePin(oldPin: CharSequence, newPin: CharSequence) =
        change("pims.authentication.pincode", mapOf("action" to "update", "oldPIN" to oldPin, "newPIN" to newPin))

    fun requestResetCode() = get("pims.authentication.smscode", mapOf("type" to "resetPIN")) { }

    fun resetPin(newPin: CharSequence, smsCode: CharSequence) =
        change("pims.authentication.pincode", mapOf("action" to "reset", "pinCode" to newPin, "smsCode" to smsCode))

    fun otp(pin: CharSequence) =
        get("pims.authentication.otp", mapOf("action" to "withPIN", "pinCode" to pin)) { it.member("otp") as String }

    fun otpWithoutPin() = get("pims.authentication.otp", mapOf("action" to "withoutPIN")) { it.member("otp") as String }

    fun devices() = get("pims.authentication.devices", emptyMap()) { (it.member("devices") as List<*>).map(AccountDevice::of) }

    fun renameDevice(deviceId: String, name: String, pin: CharSequence) =
        set("pims.authentication.devices", mapOf("action" to "rename", "deviceId" to deviceId, "name" to name, "pinCode" to pin)) { }

    fun removeDevice(deviceId: String, pin: CharSequence) =
        set("pims.authentication.devices", mapOf("action" to "remove", "deviceId" to deviceId, "pinCode" to pin)) { }

    fun isActivated() = get(
        "pims.authentication.account",
        mapOf("actionType" to "strong", "type" to "isDeviceActivated"),
    ) { it.member("isDeviceActivated") as Boolean }

    fun accountState() = get(
        "pims.authentication.account",
        mapOf("actionType" to "strong", "type" to "isAccountBlocked"),
    ) { AccountState.valueOf(it.member("isAccountBlocked") as String) }

    fun setAccessToken(token: CharSequence) = set("pims.authentication.token", mapOf("type" to "cvs", "token" to token)) { }

    companion object {
        val DEFAULT = Operations(Facade.DEFAULT)
    }
}
