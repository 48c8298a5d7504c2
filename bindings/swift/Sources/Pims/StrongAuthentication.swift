/// The operations of docs/api.md as typed functions, on the facade of this process.
///
/// After `enroll`, `enrollWithPhoneNumber`, `changePIN` and `resetPIN` the error 2316 means that
/// the change is done: these functions then return.
public struct StrongAuthentication: Sendable {
    private let facade: Facade
    private let onWrongPins: (@Sendable (WrongPins) -> Void)?

    /// `onWrongPins` receives wrong PINs (docs/api.md), on the library's thread, before the
    /// operation returns or throws.
    public init(_ facade: Facade = pims, onWrongPins: (@Sendable (WrongPins) -> Void)? = nil) {
        self.facade = facade
        self.onWrongPins = onWrongPins
    }

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

    /// Asks the service to send an SMS code for an enrollment to the trusted phone number.
    public func requestEnrollmentCode() async throws { try await get(smsCodeAPI, ["type": "enrollment"]) }

    /// Submits the code. The result tells if the account has a PIN. A call of `enroll` without a
    /// code then finishes the enrollment.
    public func acceptEnrollmentCode(_ smsCode: String) async throws -> EnrollmentStatus {
        let result = try await set(smsCodeAPI, ["action": "enrollment", "smsCode": .string(smsCode)])
        return try known(result["status"])
    }

    /// Enrolls the device: in one step with a code, or without a code after `acceptEnrollmentCode`.
    public func enroll(pin: String, smsCode: String = " ") async throws {
        try await change(enrollmentAPI, ["action": "enroll", "pinCode": .string(pin), "smsCode": .string(smsCode)])
    }

    /// Enrolls the device and registers the trusted phone number, with a code from
    /// `requestPhoneNumberCode`.
    public func enrollWithPhoneNumber(_ phoneNumber: String, pin: String, smsCode: String) async throws {
        try await change(
            enrollmentAPI,
            [
                "action": "enrollWithPhoneNumber", "pinCode": .string(pin), "smsCode": .string(smsCode),
                "phoneNumber": .string(phoneNumber),
            ])
    }

    /// Removes every enrollment of the account, its PIN and a block, then this device's enrollment.
    public func removeEnrollments() async throws { try await set(enrollmentAPI, ["action": "remove"]) }

    /// Asks the service to send an SMS code to a phone number that is to become the trusted one.
    public func requestPhoneNumberCode(_ phoneNumber: String) async throws {
        try await get(smsCodeAPI, ["type": "phoneNumberCertification", "phoneNumber": .string(phoneNumber)])
    }

    /// Registers the account's first trusted phone number.
    public func addPhoneNumber(_ phoneNumber: String, smsCode: String) async throws {
        try await changeNumber("addPhoneNumber", phoneNumber, smsCode)
    }

    /// Replaces the account's trusted phone number.
    public func modifyPhoneNumber(_ phoneNumber: String, smsCode: String) async throws {
        try await changeNumber("modifyPhoneNumber", phoneNumber, smsCode)
    }

    /// Returns the account's trusted phone number. Throws 2307 if there is none.
    public func trustedPhoneNumber() async throws -> String {
        try text(try await get("pims.authentication.trustedphonenumber")["phoneNumber"])
    }

    public func changePIN(from oldPIN: String, to newPIN: String) async throws {
        try await change(pinCodeAPI, ["action": "update", "oldPIN": .string(oldPIN), "newPIN": .string(newPIN)])
    }

    /// Asks the service to send an SMS code with which the user can set a new PIN.
    public func requestResetCode() async throws { try await get(smsCodeAPI, ["type": "resetPIN"]) }

    /// Sets a new PIN with a code from `requestResetCode`, and lifts a block of the PIN.
    public func resetPIN(to newPIN: String, smsCode: String) async throws {
        try await change(pinCodeAPI, ["action": "reset", "pinCode": .string(newPIN), "smsCode": .string(smsCode)])
    }

    /// Returns a one-time password. A wrong PIN is 2308, with `attemptsLeft`.
    public func otp(pin: String) async throws -> String {
        try text(try await get(otpAPI, ["action": "withPIN", "pinCode": .string(pin)])["otp"])
    }

    /// Returns a one-time password that proves the device and nothing about the user, if the
    /// service allows it.
    public func otpWithoutPIN() async throws -> String {
        try text(try await get(otpAPI, ["action": "withoutPIN"])["otp"])
    }

    /// Returns true if this device is enrolled, according to its own state.
    public func isActivated() async throws -> Bool {
        let result = try await get(accountAPI, ["actionType": "strong", "type": "isDeviceActivated"])
        guard let isActivated = result["isDeviceActivated"]?.boolValue else { throw UnexpectedMessage() }
        return isActivated
    }

    /// Returns the block of the account. If the device is enrolled, the library asks the service.
    public func accountState() async throws -> AccountState {
        let result = try await get(accountAPI, ["actionType": "strong", "type": "isAccountBlocked"])
        return try known(result["isAccountBlocked"])
    }

    /// Replaces `account.accessToken`.
    public func setAccessToken(_ token: String) async throws {
        try await set("pims.authentication.token", ["type": "cvs", "token": .string(token)])
    }

    /// A change of the account.
    public enum AccountChange: Hashable, Sendable {
        /// True if this device is enrolled now.
        case activated(Bool)
        case state(AccountState)
    }

    /// Returns the changes of the account, until the program releases the stream (see
    /// `Facade.events`). The stream holds up to 64 changes that the program has not taken. If there
    /// are more, the oldest are dropped: call `isActivated` and `accountState` after a long pause.
    public func accountChanges() async throws -> AsyncStream<AccountChange> {
        try await facade.stream(api: accountAPI, parameters: bothTopics, limit: 64) { result in
            var changes: [AccountChange] = []
            if let isActivated = result["isDeviceActivated"]?.boolValue { changes.append(.activated(isActivated)) }
            if let state = result["isAccountBlocked"]?.stringValue.flatMap(AccountState.init) { changes.append(.state(state)) }
            return changes
        }
    }

    /// Returns the same changes as the library's JSON.
    public func changes() async throws -> AsyncStream<JSON> {
        try await facade.events(api: accountAPI, parameters: bothTopics)
    }

    @discardableResult
    private func get(_ api: String, _ parameters: [String: JSON] = [:]) async throws -> JSON {
        try await facade.message { facade.get(api: api, parameters: parameters, callback: noting($0)) }.get()
    }

    @discardableResult
    private func set(_ api: String, _ parameters: [String: JSON]) async throws -> JSON {
        try await facade.message { facade.set(api: api, parameters: parameters, callback: noting($0)) }.get()
    }

    /// Returns the callback with a report of wrong PINs before it.
    private func noting(_ callback: @escaping Callback) -> Callback {
        guard let onWrongPins else { return callback }
        return { message in
            if let wrong = message.wrongPinsSince { onWrongPins(wrong) }
            callback(message)
        }
    }

    private func changeNumber(_ action: JSON, _ phoneNumber: String, _ smsCode: String) async throws {
        try await set(
            smsCodeAPI, ["action": action, "smsCode": .string(smsCode), "phoneNumber": .string(phoneNumber)])
    }

    /// Makes a change of the account. Error 2316 means that the change is done. Only a
    /// synchronization is left, which the next operation makes.
    private func change(_ api: String, _ parameters: [String: JSON]) async throws {
        do {
            try await set(api, parameters)
        } catch let error as PimsError where error.code == 2316 {
        }
    }

    private func text(_ value: JSON?) throws -> String {
        guard let text = value?.stringValue else { throw UnexpectedMessage() }
        return text
    }

    private func known<Word: RawRepresentable>(_ value: JSON?) throws -> Word where Word.RawValue == String {
        guard let word = Word(rawValue: try text(value)) else { throw UnexpectedMessage() }
        return word
    }
}

private let bothTopics: [String: JSON] = ["actionType": "strong", "type": ["isDeviceActivated", "isAccountBlocked"]]
private let accountAPI = "pims.authentication.account"
private let enrollmentAPI = "pims.authentication.enrollment"
private let otpAPI = "pims.authentication.otp"
private let pinCodeAPI = "pims.authentication.pincode"
private let smsCodeAPI = "pims.authentication.smscode"
