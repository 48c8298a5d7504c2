/// The operations of docs/api.md as functions with types, on the facade of this process.
///
/// After `enroll`, `enrollWithPhoneNumber`, `changePIN` and `resetPIN` the error 2316 means that it is done: they return then.
public struct StrongAuthentication: Sendable {
    private let facade: Facade
    private let onWrongPins: (@Sendable (WrongPins) -> Void)?

    /// `onWrongPins` is told of wrong PINs (docs/api.md), on the library's thread, before the operation returns or throws.
    public init(_ facade: Facade = pims, onWrongPins: (@Sendable (WrongPins) -> Void)? = nil) {
        self.facade = facade
        self.onWrongPins = onWrongPins
    }

    /// What an accepted code says of the account.
    public enum EnrollmentStatus: String, Sendable {
        /// It has no PIN: the person chooses one.
        case notEnrolled = "NotEnrolled"
        /// It has a PIN, which the person enters.
        case alreadyEnrolled = "AlreadyEnrolled"
    }

    /// Whether the account is blocked, and by what.
    public enum AccountState: String, Sendable {
        case notBlocked = "NotBlocked"
        case pinBlocked = "PinBlocked"
        case accountBlocked = "AccountBlocked"
        case unknown = "Unknown"
    }

    /// Has an SMS code for an enrollment sent to the trusted phone number.
    public func requestEnrollmentCode() async throws { try await get(smsCodeAPI, ["type": "enrollment"]) }

    /// Shows the code to the service, which says whether the account has a PIN. `enroll` without a code finishes.
    public func acceptEnrollmentCode(_ smsCode: String) async throws -> EnrollmentStatus {
        let result = try await set(smsCodeAPI, ["action": "enrollment", "smsCode": .string(smsCode)])
        return try known(result["status"])
    }

    /// Enrolls the device: with a code in one step, without one after `acceptEnrollmentCode`.
    public func enroll(pin: String, smsCode: String = " ") async throws {
        try await change(enrollmentAPI, ["action": "enroll", "pinCode": .string(pin), "smsCode": .string(smsCode)])
    }

    /// Enrolls the device and registers the trusted phone number, with a code of `requestPhoneNumberCode`.
    public func enrollWithPhoneNumber(_ phoneNumber: String, pin: String, smsCode: String) async throws {
        try await change(
            enrollmentAPI,
            [
                "action": "enrollWithPhoneNumber", "pinCode": .string(pin), "smsCode": .string(smsCode),
                "phoneNumber": .string(phoneNumber),
            ])
    }

    /// Removes every enrollment of the account, with its PIN and a block, then this device's.
    public func removeEnrollments() async throws { try await set(enrollmentAPI, ["action": "remove"]) }

    /// Has an SMS code sent to a phone number that is to become the trusted one.
    public func requestPhoneNumberCode(_ phoneNumber: String) async throws {
        try await get(smsCodeAPI, ["type": "phoneNumberCertification", "phoneNumber": .string(phoneNumber)])
    }

    /// Registers the account's first trusted phone number.
    public func addPhoneNumber(_ phoneNumber: String, smsCode: String) async throws {
        try await changeNumber("addPhoneNumber", phoneNumber, smsCode)
    }

    /// Puts another trusted phone number in place of the account's.
    public func modifyPhoneNumber(_ phoneNumber: String, smsCode: String) async throws {
        try await changeNumber("modifyPhoneNumber", phoneNumber, smsCode)
    }

    /// The account's trusted phone number; 2307 where there is none.
    public func trustedPhoneNumber() async throws -> String {
        try text(try await get("pims.authentication.trustedphonenumber")["phoneNumber"])
    }

    public func changePIN(from oldPIN: String, to newPIN: String) async throws {
        try await change(pinCodeAPI, ["action": "update", "oldPIN": .string(oldPIN), "newPIN": .string(newPIN)])
    }

    /// Has an SMS code sent with which the PIN can be set anew.
    public func requestResetCode() async throws { try await get(smsCodeAPI, ["type": "resetPIN"]) }

    /// Sets a new PIN with a code of `requestResetCode`, and lifts a block of the PIN.
    public func resetPIN(to newPIN: String, smsCode: String) async throws {
        try await change(pinCodeAPI, ["action": "reset", "pinCode": .string(newPIN), "smsCode": .string(smsCode)])
    }

    /// A one-time password. A wrong PIN is 2308, with `attemptsLeft`.
    public func otp(pin: String) async throws -> String {
        try text(try await get(otpAPI, ["action": "withPIN", "pinCode": .string(pin)])["otp"])
    }

    /// A one-time password that proves the device and nothing of the person, where the service allows it.
    public func otpWithoutPIN() async throws -> String {
        try text(try await get(otpAPI, ["action": "withoutPIN"])["otp"])
    }

    /// Whether this device is enrolled, from its own state.
    public func isActivated() async throws -> Bool {
        let result = try await get(accountAPI, ["actionType": "strong", "type": "isDeviceActivated"])
        guard let isActivated = result["isDeviceActivated"]?.boolValue else { throw UnexpectedMessage() }
        return isActivated
    }

    /// Whether the account is blocked; the service is asked where the device is enrolled.
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
        /// Whether this device is enrolled now.
        case activated(Bool)
        case state(AccountState)
    }

    /// Changes of the account, until the stream is let go (see `Facade.events`). It holds 64 changes that nobody took yet; of more, the oldest
    /// are dropped: ask `isActivated` and `accountState` after a long pause.
    public func accountChanges() async throws -> AsyncStream<AccountChange> {
        try await facade.stream(api: accountAPI, parameters: bothTopics, limit: 64) { result in
            var changes: [AccountChange] = []
            if let isActivated = result["isDeviceActivated"]?.boolValue { changes.append(.activated(isActivated)) }
            if let state = result["isAccountBlocked"]?.stringValue.flatMap(AccountState.init) { changes.append(.state(state)) }
            return changes
        }
    }

    /// The same as the library's JSON.
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

    /// Tells of wrong PINs before the message is passed on.
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

    /// A change of the account. 2316 says that it is done and that only a synchronization is left, which the next operation makes.
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
