import Foundation

/// A message of the library. `message["status"] == "SUCCEEDED"` reads it as the reference does;
/// `get()` returns its result, or throws.
///
/// The description and the mirror contain neither result nor detail. So `print(message)` writes no
/// one-time password into a log.
public struct Message: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    public enum Status: String, Sendable {
        case succeeded = "SUCCEEDED"
        case failed = "FAILED"
        /// An event of a subscription.
        case result = "RESULT"
    }

    /// The whole message.
    public let json: JSON

    public init(_ json: JSON) { self.json = json }

    public subscript(name: String) -> JSON? { json[name] }

    public var status: Status? { self["status"]?.stringValue.flatMap(Status.init) }

    public var succeeded: Bool { status == .succeeded }

    /// The error of a failure.
    public var error: PimsError? {
        guard status == .failed, let error = self["error"], let code = error["code"]?.intValue else { return nil }
        return PimsError(
            code: code, label: error["label"]?.stringValue ?? "", detail: error["detail"]?.stringValue,
            info: error["info"]?.objectValue ?? [:])
    }

    /// Returns the result of a success or an event. Throws a `PimsError` for a failure.
    public func get() throws -> JSON {
        if let error { throw error }
        guard status == .succeeded || status == .result, let result = self["result"] else { throw UnexpectedMessage() }
        return result
    }

    /// Wrong PINs that the program should report to the user, once. A failure or a success of an
    /// operation with a PIN may have them.
    public var wrongPinsSince: WrongPins? {
        let info = status == .failed ? self["error"]?["info"] : self["info"]
        return WrongPins(info?["wrongPinsSince"])
    }

    public var description: String {
        "Message(\(status?.rawValue ?? "unknown")" + (error.map { " \($0.code)" } ?? "") + ")"
    }

    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// A failure of a call. docs/guide-errors.md names the remedy for each code. The error never holds
/// a PIN, a code, a key or a token.
public struct PimsError: LocalizedError, Hashable, Sendable, CustomStringConvertible {
    public let code: Int
    public let label: String
    /// For developers: do not show it, and do not compare it.
    public let detail: String?
    public let info: [String: JSON]

    /// The number of attempts that are left for the PIN or the code.
    public var attemptsLeft: Int? { info["attemptsLeft"]?.intValue }

    /// The seconds until the program may make the same call again.
    public var retryAfterSeconds: Int? { info["retryAfterSeconds"]?.intValue }

    /// The end of the account's block by the service's clock, if the block ends by itself. To wait,
    /// use `retryAfterSeconds`.
    public var blockedUntil: Date? {
        info["blockedUntil"]?.intValue.map { Date(timeIntervalSince1970: Double($0) / 1000) }
    }

    /// The code of a gateway in front of the service that refused the request.
    public var gateway: String? { info["gateway"]?.stringValue }

    /// The next step, such as `retryPin`.
    public var nextAction: String? { info["nextAction"]?.stringValue }

    /// The next step as a value; `nil` if there is none, or if a newer library has another one.
    public var next: NextAction? { nextAction.flatMap(NextAction.init) }

    /// The code as a value; `nil` if a newer library has another one.
    public var known: PimsCode? { PimsCode(rawValue: code) }

    /// Wrong PINs that the program should report to the user, once.
    public var wrongPinsSince: WrongPins? { WrongPins(info["wrongPinsSince"]) }

    public var description: String { "\(code) \(label)" + (detail.map { ": \($0)" } ?? "") }

    /// Code, label and detail, for a log. For each code, docs/guide-errors.md has a text for the
    /// user.
    public var errorDescription: String? { description }
}

/// Wrong PINs for the account since this device last proved the right one. They came from this
/// device or another one (docs/api.md).
public struct WrongPins: Hashable, Sendable {
    public let count: Int
    /// The time at which this device last proved the right PIN.
    public let since: Date

    init?(_ value: JSON?) {
        guard let count = value?["count"]?.intValue, let since = value?["since"]?.doubleValue else { return nil }
        self.count = count
        self.since = Date(timeIntervalSince1970: since / 1000)
    }
}

/// An error: a newer library gave a message or a result that this package does not know.
public struct UnexpectedMessage: LocalizedError {
    public var errorDescription: String? { "The library gave a message that this version of the package does not know." }
}

/// The reason why the library did not accept a call: its callback is not called, and nothing was
/// done.
public enum Refusal: LocalizedError, Hashable, Sendable {
    /// A text has more than 1 MiB.
    case tooLong
    /// The queue has 1,024 calls already: call again later.
    case queueFull
    /// The session was closed, or belongs to the process from which this one was forked.
    case noFacade
    /// The name of an api contains a NUL. C would cut the name there.
    case embeddedNul
    /// A value has no form in JSON: a `Double` that is not finite, or a `wholeNumber` that is no
    /// whole number.
    case notJSON
    /// The C interface of the library has another version than this package was compiled for.
    case wrongABI
    /// A value of `pims.h` that this package does not know.
    case other(Int32)

    public var errorDescription: String? {
        switch self {
        case .tooLong: return "The call was not accepted: a text is longer than 1 MiB."
        case .queueFull: return "The call was not accepted: too many calls wait. Call again later."
        case .noFacade: return "The call was not accepted: the session was closed, or belongs to the process before a fork."
        case .embeddedNul: return "The call was not accepted: there is a NUL in the name of the api."
        case .notJSON: return "The call was not accepted: a number is not finite, or has other characters than digits."
        case .wrongABI: return "The package was compiled for another version of the library."
        case .other(let status): return "The call was not accepted: \(status)."
        }
    }
}
