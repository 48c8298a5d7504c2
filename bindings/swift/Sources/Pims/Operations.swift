// Printed from tests/spec/api.json and operations.json by `make generate`: do not edit.

import Foundation

extension StrongAuthentication {
    /// The state of the account, which the service reports with an accepted code.
    public enum EnrollmentStatus: String, Sendable {
        /// The account has no PIN: the user chooses one.
        case notEnrolled = "NotEnrolled"
        /// The account has a PIN, which the user enters.
        case alreadyEnrolled = "AlreadyEnrolled"
    }

    /// The block of the account: of its PIN or of the account itself.
    public enum AccountState: String, Sendable {
        case notBlocked = "NotBlocked"
        case pinBlocked = "PinBlocked"
        case accountBlocked = "AccountBlocked"
        case unknown = "Unknown"
    }

    /// The place of a device's storage key, by its own statement. Nobody checks it.
    public enum Keystore: String, Sendable {
        /// A security chip holds the key.
        case hardware = "hardware"
        /// Software alone holds the key.
        case software = "software"
    }

    /// The state of the approval of a new device.
    public enum ApprovalState: String, Sendable {
        /// No device waits.
        case none = "none"
        /// A new device waits for the decision of another one: this one may decide.
        case asked = "asked"
        /// This device is the new one, and waits.
        case waiting = "waiting"
    }

    /// A device of the account.
    public struct AccountDevice: Hashable, Sendable {
        /// The beginning of its id, which names it among the devices of the account.
        public let deviceId: String
        /// The name that its user gave it. It is text, never markup.
        public let name: String
        /// The time of its enrollment.
        public let since: Date
        /// The time of its last use, if it was used.
        public let lastUsed: Date?
        /// True for the device that makes the call.
        public let thisDevice: Bool
        /// The place of its storage key, if it told one.
        public let keystore: Keystore?

        init(_ value: JSON) throws {
            deviceId = try readText(value["deviceId"])
            name = try readText(value["name"])
            since = try readTime(value["since"])
            lastUsed = try unlessNull(value["lastUsed"]) { try readTime($0) }
            thisDevice = try readFlag(value["thisDevice"])
            keystore = try unlessNull(value["keystore"]) { try readWord($0) }
        }
    }

    /// An event of the account, which the service keeps for its devices.
    public struct AccountNotice: Hashable, Sendable {
        /// The kind of the event, such as newDevice (docs/api.md has them all). A newer service may
        /// have others.
        public let event: String
        /// The time of the event.
        public let at: Date
        /// The beginning of the id of the device that the event is about, if it is about one.
        public let deviceId: String?
        /// The name that this device had then. It is text, never markup.
        public let name: String?

        init(_ value: JSON) throws {
            event = try readText(value["event"])
            at = try readTime(value["at"])
            deviceId = try unlessNull(value["deviceId"]) { try readText($0) }
            name = try unlessNull(value["name"]) { try readText($0) }
        }
    }

    /// The approval of a new device: its state, and what is known of the device.
    public struct Approval: Hashable, Sendable {
        /// The state. The other members belong to it.
        public let state: ApprovalState
        /// The two digits that this device must show, if it is the one that waits.
        public let number: String?
        /// The id of the device that waits, if this device may decide.
        public let deviceId: String?
        /// The name of the device that waits. It is text, never markup.
        public let name: String?
        /// The time of its enrollment.
        public let since: Date?
        /// The seconds that are left for a decision, if a device waits.
        public let lifetimeSeconds: Int?

        init(_ value: JSON) throws {
            state = try readWord(value["state"])
            number = try unlessNull(value["number"]) { try readText($0) }
            deviceId = try unlessNull(value["deviceId"]) { try readText($0) }
            name = try unlessNull(value["name"]) { try readText($0) }
            since = try unlessNull(value["since"]) { try readTime($0) }
            lifetimeSeconds = try unlessNull(value["lifetimeSeconds"]) { try readSeconds($0) }
        }
    }

    /// Asks the service to send an SMS code for an enrollment to the trusted phone number.
    public func requestEnrollmentCode() async throws {
        try await get("pims.authentication.smscode", ["type": "enrollment"])
    }

    /// Submits the code. The result tells if the account has a PIN. A call of `enroll` without a
    /// code then finishes the enrollment.
    public func acceptEnrollmentCode(_ smsCode: String) async throws -> EnrollmentStatus {
        let result = try await set("pims.authentication.smscode", ["action": "enrollment", "smsCode": .string(smsCode)])
        return try readWord(result["status"])
    }

    /// Enrolls the device: in one step with a code, or without a code after `acceptEnrollmentCode`.
    /// If another device of the account must confirm or approve it, this one does not work before:
    /// `pendingFingerprint` or `approval` has what this device must show.
    public func enroll(pin: String, smsCode: String = " ") async throws {
        try await change(
            "pims.authentication.enrollment",
            ["action": "enroll", "pinCode": .string(pin), "smsCode": .string(smsCode)])
    }

    /// Enrolls the device and registers the trusted phone number, with a code from
    /// `requestPhoneNumberCode`.
    public func enrollWithPhoneNumber(_ phoneNumber: String, pin: String, smsCode: String) async throws {
        try await change(
            "pims.authentication.enrollment",
            [
                "action": "enrollWithPhoneNumber",
                "pinCode": .string(pin),
                "smsCode": .string(smsCode),
                "phoneNumber": .string(phoneNumber),
            ])
    }

    /// Imports the enrollment of another client, whose PIN one password proves. Returns a warning:
    /// the other client must stop, and its file must be removed. `format` is `auto`, `pickle`,
    /// `homey-json`, `e3008-json`, `kotlin-json` or `pims`. A pickle is given in base64.
    public func importEnrollment(format: String, state: String, pin: String) async throws -> String {
        let result = try await set(
            "pims.authentication.enrollment",
            ["action": "import", "format": .string(format), "state": .string(state), "pinCode": .string(pin)])
        return try readText(result["warning"])
    }

    /// Returns the enrollment of this device as neutral JSON, with K1 in clear. One password proves
    /// the PIN.
    public func exportEnrollment(pin: String) async throws -> String {
        let result = try await set(
            "pims.authentication.enrollment",
            ["action": "export", "plain": "true", "pinCode": .string(pin)])
        return try readText(result["state"])
    }

    /// Returns a code of ten letters with which another device of the account enrolls, if the
    /// service permits it. A code before it ends.
    public func makeEnrollmentCode(pin: String) async throws -> String {
        let result = try await get("pims.authentication.enrollmentcode", ["action": "make", "pinCode": .string(pin)])
        return try readText(result["code"])
    }

    /// Returns the fingerprint of the device that entered the code and waits for its confirmation:
    /// another device, or this one. Returns null if none waits.
    public func pendingFingerprint() async throws -> String? {
        try readTextOrNull(try await get("pims.authentication.enrollmentcode", ["action": "state"])["fingerprint"])
    }

    /// Lets the device with this fingerprint work. The user has compared it on both devices.
    public func confirmDevice(fingerprint: String, pin: String) async throws {
        try await set(
            "pims.authentication.enrollmentcode",
            ["action": "confirm", "fingerprint": .string(fingerprint), "pinCode": .string(pin)])
    }

    /// Ends the device with this fingerprint, which entered the code.
    public func rejectDevice(fingerprint: String, pin: String) async throws {
        try await set(
            "pims.authentication.enrollmentcode",
            ["action": "reject", "fingerprint": .string(fingerprint), "pinCode": .string(pin)])
    }

    /// Returns whether a new device waits for an approval: another one, or this one after `enroll`.
    /// This one must then show its number to the user.
    public func approval() async throws -> Approval {
        try Approval(try await get("pims.authentication.approval"))
    }

    /// Lets the new device work. The user has read the number on that device, and enters it here. A
    /// wrong number ends that device.
    public func approveNewDevice(deviceId: String, number: String, pin: String) async throws {
        try await set(
            "pims.authentication.approval",
            ["action": "approve", "deviceId": .string(deviceId), "number": .string(number), "pinCode": .string(pin)])
    }

    /// Ends the new device, and blocks the account: the user did not enroll it. The user sets a new
    /// PIN with an SMS code, see `resetPIN`.
    public func rejectNewDevice(_ deviceId: String) async throws {
        try await set("pims.authentication.approval", ["action": "reject", "deviceId": .string(deviceId)])
    }

    /// Returns the events of the account that the service still has, the newest first. Those that
    /// this device caused are not among them.
    public func notices() async throws -> [AccountNotice] {
        try readList(try await get("pims.authentication.notices")["notices"]).map { try AccountNotice($0) }
    }

    /// Removes every enrollment of the account, its PIN and a block, then this device's enrollment.
    public func removeEnrollments() async throws {
        try await set("pims.authentication.enrollment", ["action": "remove"])
    }

    /// Asks the service to send an SMS code to a phone number that is to become the trusted one.
    public func requestPhoneNumberCode(_ phoneNumber: String) async throws {
        try await get(
            "pims.authentication.smscode",
            ["type": "phoneNumberCertification", "phoneNumber": .string(phoneNumber)])
    }

    /// Registers the account's first trusted phone number.
    public func addPhoneNumber(_ phoneNumber: String, smsCode: String) async throws {
        try await set(
            "pims.authentication.smscode",
            ["action": "addPhoneNumber", "smsCode": .string(smsCode), "phoneNumber": .string(phoneNumber)])
    }

    /// Replaces the account's trusted phone number.
    public func modifyPhoneNumber(_ phoneNumber: String, smsCode: String) async throws {
        try await set(
            "pims.authentication.smscode",
            ["action": "modifyPhoneNumber", "smsCode": .string(smsCode), "phoneNumber": .string(phoneNumber)])
    }

    /// Returns the account's trusted phone number. Throws 2307 if there is none.
    public func trustedPhoneNumber() async throws -> String {
        try readText(try await get("pims.authentication.trustedphonenumber")["phoneNumber"])
    }

    /// Changes the PIN.
    public func changePIN(from oldPIN: String, to newPIN: String) async throws {
        try await change(
            "pims.authentication.pincode",
            ["action": "update", "oldPIN": .string(oldPIN), "newPIN": .string(newPIN)])
    }

    /// Asks the service to send an SMS code with which the user can set a new PIN.
    public func requestResetCode() async throws {
        try await get("pims.authentication.smscode", ["type": "resetPIN"])
    }

    /// Sets a new PIN with a code from `requestResetCode`, and lifts a block of the PIN.
    public func resetPIN(to newPIN: String, smsCode: String) async throws {
        try await change(
            "pims.authentication.pincode",
            ["action": "reset", "pinCode": .string(newPIN), "smsCode": .string(smsCode)])
    }

    /// Returns a one-time password. A wrong PIN is 2308, with `attemptsLeft`.
    public func otp(pin: String) async throws -> String {
        try readText(try await get("pims.authentication.otp", ["action": "withPIN", "pinCode": .string(pin)])["otp"])
    }

    /// Returns a one-time password that proves the device and nothing about the user, if the
    /// service allows it.
    public func otpWithoutPIN() async throws -> String {
        try readText(try await get("pims.authentication.otp", ["action": "withoutPIN"])["otp"])
    }

    /// Returns the devices of the account. A device that is not enrolled needs the access token.
    public func devices() async throws -> [AccountDevice] {
        try readList(try await get("pims.authentication.devices")["devices"]).map { try AccountDevice($0) }
    }

    /// Renames a device of the account. An enrolled device must give the PIN. Another one needs the
    /// access token instead.
    public func renameDevice(_ deviceId: String, to name: String, pin: String = " ") async throws {
        try await set(
            "pims.authentication.devices",
            ["action": "rename", "deviceId": .string(deviceId), "name": .string(name), "pinCode": .string(pin)])
    }

    /// Removes one device of the account, this one or another. An enrolled device must give the
    /// PIN. Another one needs the access token instead.
    public func removeDevice(_ deviceId: String, pin: String = " ") async throws {
        try await set(
            "pims.authentication.devices",
            ["action": "remove", "deviceId": .string(deviceId), "pinCode": .string(pin)])
    }

    /// Returns true if this device is enrolled, according to its own state.
    public func isActivated() async throws -> Bool {
        let result = try await get("pims.authentication.account", ["actionType": "strong", "type": "isDeviceActivated"])
        return try readFlag(result["isDeviceActivated"])
    }

    /// Returns the block of the account. If the device is enrolled, the library asks the service.
    public func accountState() async throws -> AccountState {
        let result = try await get("pims.authentication.account", ["actionType": "strong", "type": "isAccountBlocked"])
        return try readWord(result["isAccountBlocked"])
    }

    /// Replaces `account.accessToken`.
    public func setAccessToken(_ token: String) async throws {
        try await set("pims.authentication.token", ["type": "cvs", "token": .string(token)])
    }
}
