import Foundation

/// The operations of docs/api.md as typed functions, on the default facade or on that of a
/// `Session`.
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

    /// A change of the account.
    public enum AccountChange: Hashable, Sendable {
        /// True if this device is enrolled now.
        case activated(Bool)
        case state(AccountState)
        /// New events of the account, the oldest first.
        case notices([AccountNotice])
        /// The approval of a new device.
        case approval(Approval)
    }

    /// Returns the changes of the account, until the program releases the stream (see
    /// `Facade.events`). The stream holds up to 64 changes that the program has not taken. If there
    /// are more, the oldest are dropped: call `isActivated` and `accountState` after a long pause.
    ///
    /// With `notices` and `approval` it has these, too. For each of the two, the library asks the
    /// service now and then (`account.askSeconds` of docs/configuration.md).
    public func accountChanges(notices: Bool = false, approval: Bool = false) async throws -> AsyncStream<AccountChange> {
        let parameters = topics(notices: notices, approval: approval)
        return try await facade.stream(api: accountAPI, parameters: parameters, limit: 64) { result in
            var changes: [AccountChange] = []
            if let isActivated = result["isDeviceActivated"]?.boolValue { changes.append(.activated(isActivated)) }
            if let state = result["isAccountBlocked"]?.stringValue.flatMap(AccountState.init) { changes.append(.state(state)) }
            if let notices = try? readList(result["notices"]).map({ try AccountNotice($0) }) { changes.append(.notices(notices)) }
            if let value = result["approval"], let approval = try? Approval(value) { changes.append(.approval(approval)) }
            return changes
        }
    }

    /// Returns the same changes as the library's JSON.
    public func changes(notices: Bool = false, approval: Bool = false) async throws -> AsyncStream<JSON> {
        try await facade.events(api: accountAPI, parameters: topics(notices: notices, approval: approval))
    }

    @discardableResult
    func get(_ api: String, _ parameters: [String: JSON] = [:]) async throws -> JSON {
        try await facade.message { facade.get(api: api, parameters: parameters, callback: noting($0)) }.get()
    }

    @discardableResult
    func set(_ api: String, _ parameters: [String: JSON]) async throws -> JSON {
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

    /// Makes a change of the account. Error 2316 means that the change is done. Only a
    /// synchronization is left, which the next operation makes.
    func change(_ api: String, _ parameters: [String: JSON]) async throws {
        do {
            try await set(api, parameters)
        } catch let error as PimsError where error.code == 2316 {
        }
    }
}

// The readers of results. They throw `UnexpectedMessage` for a value of another type.

func readText(_ value: JSON?) throws -> String {
    guard let text = value?.stringValue else { throw UnexpectedMessage() }
    return text
}

func readTextOrNull(_ value: JSON?) throws -> String? {
    try unlessNull(value, readText)
}

func readFlag(_ value: JSON?) throws -> Bool {
    guard let flag = value?.boolValue else { throw UnexpectedMessage() }
    return flag
}

func readWord<Word: RawRepresentable>(_ value: JSON?) throws -> Word where Word.RawValue == String {
    guard let word = Word(rawValue: try readText(value)) else { throw UnexpectedMessage() }
    return word
}

func readTime(_ value: JSON?) throws -> Date {
    guard let milliseconds = value?.doubleValue else { throw UnexpectedMessage() }
    return Date(timeIntervalSince1970: milliseconds / 1000)
}

func readSeconds(_ value: JSON?) throws -> Int {
    guard let seconds = value?.intValue else { throw UnexpectedMessage() }
    return seconds
}

func readList(_ value: JSON?) throws -> [JSON] {
    guard let list = value?.arrayValue else { throw UnexpectedMessage() }
    return list
}

func unlessNull<Value>(_ value: JSON?, _ read: (JSON) throws -> Value) throws -> Value? {
    guard let value, !value.isNull else { return nil }
    return try read(value)
}

/// Returns the parameters of a subscription to the changes of the account.
private func topics(notices: Bool, approval: Bool) -> [String: JSON] {
    var topics: [JSON] = ["isDeviceActivated", "isAccountBlocked"]
    if notices { topics.append("notices") }
    if approval { topics.append("approval") }
    return ["actionType": "strong", "type": .array(topics)]
}

private let accountAPI = "pims.authentication.account"
