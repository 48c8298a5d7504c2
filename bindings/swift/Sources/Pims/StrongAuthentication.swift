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

func readList(_ value: JSON?) throws -> [JSON] {
    guard let list = value?.arrayValue else { throw UnexpectedMessage() }
    return list
}

func unlessNull<Value>(_ value: JSON?, _ read: (JSON) throws -> Value) throws -> Value? {
    guard let value, !value.isNull else { return nil }
    return try read(value)
}

private let bothTopics: [String: JSON] = ["actionType": "strong", "type": ["isDeviceActivated", "isAccountBlocked"]]
private let accountAPI = "pims.authentication.account"
