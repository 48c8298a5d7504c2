import Foundation

/// One message of the library. `message["status"] == "SUCCEEDED"` reads it as the reference does; `get()` gives its result, or throws.
///
/// Its description and its mirror hold neither result nor detail: a one-time password should not come into a log by `print(message)`.
public struct Message: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    public enum Status: String, Sendable {
        case succeeded = "SUCCEEDED"
        case failed = "FAILED"
        /// An event of a subscription.
        case result = "RESULT"
    }

    /// All of it.
    public let json: JSON

    public init(_ json: JSON) { self.json = json }

    public subscript(name: String) -> JSON? { json[name] }

    public var status: Status? { self["status"]?.stringValue.flatMap(Status.init) }

    public var succeeded: Bool { status == .succeeded }

    /// Of a failure.
    public var error: PimsError? {
        guard status == .failed, let error = self["error"], let code = error["code"]?.intValue else { return nil }
        return PimsError(
            code: code, label: error["label"]?.stringValue ?? "", detail: error["detail"]?.stringValue,
            info: error["info"]?.objectValue ?? [:])
    }

    /// The result of a success or an event; throws a `PimsError` where it is a failure.
    public func get() throws -> JSON {
        if let error { throw error }
        guard status == .succeeded || status == .result, let result = self["result"] else { throw UnexpectedMessage() }
        return result
    }

    /// Wrong PINs that the user should hear of, once: of a success or a failure of an operation with a PIN.
    public var wrongPinsSince: WrongPins? {
        let info = status == .failed ? self["error"]?["info"] : self["info"]
        return WrongPins(info?["wrongPinsSince"])
    }

    public var description: String {
        "Message(\(status?.rawValue ?? "unknown")" + (error.map { " \($0.code)" } ?? "") + ")"
    }

    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// A call that failed. What to do for each code is said in docs/guide-errors.md. It never holds a PIN, a code, a key or a token.
public struct PimsError: LocalizedError, Hashable, Sendable, CustomStringConvertible {
    public let code: Int
    public let label: String
    /// For developers; not to be shown, and not to be compared.
    public let detail: String?
    public let info: [String: JSON]

    /// How often the PIN or the code may still be tried.
    public var attemptsLeft: Int? { info["attemptsLeft"]?.intValue }

    /// When an SMS code may be asked for again.
    public var retryAfterSeconds: Int? { info["retryAfterSeconds"]?.intValue }

    /// The way out, such as `retryPin`.
    public var nextAction: String? { info["nextAction"]?.stringValue }

    /// The way out as a value; `nil` where there is none, and where the library is newer and has another one.
    public var next: NextAction? { nextAction.flatMap(NextAction.init) }

    /// The code as a value; `nil` where the library is newer and has another one.
    public var known: PimsCode? { PimsCode(rawValue: code) }

    /// Wrong PINs that the user should hear of, once.
    public var wrongPinsSince: WrongPins? { WrongPins(info["wrongPinsSince"]) }

    public var description: String { "\(code) \(label)" + (detail.map { ": \($0)" } ?? "") }

    /// Code, label and detail: for a log. What to tell the user for each code is said in docs/guide-errors.md.
    public var errorDescription: String? { description }
}

/// Wrong PINs for the account since this device last proved the right one, on this device or another (docs/api.md).
public struct WrongPins: Hashable, Sendable {
    public let count: Int
    /// When this device last proved the right PIN.
    public let since: Date

    init?(_ value: JSON?) {
        guard let count = value?["count"]?.intValue, let since = value?["since"]?.doubleValue else { return nil }
        self.count = count
        self.since = Date(timeIntervalSince1970: since / 1000)
    }
}

/// A message, or a result, that this package does not know: the library is a newer one.
public struct UnexpectedMessage: LocalizedError {
    public var errorDescription: String? { "The library gave a message that this version of the package does not know." }
}

/// A call that the library did not accept: its callback is not called, and nothing was done.
public enum Refusal: LocalizedError, Hashable, Sendable {
    /// A text has more than 1 MiB.
    case tooLong
    /// 1,024 calls wait already: call again later.
    case queueFull
    /// The name of an api has a NUL in it, where C would cut it.
    case embeddedNul
    /// A value has no form in JSON: a `Double` that is not finite, or a `wholeNumber` that is none.
    case notJSON
    /// The library is of another C interface than this package was compiled for.
    case wrongABI
    /// A value of `pims.h` that this package does not know.
    case other(Int32)

    public var errorDescription: String? {
        switch self {
        case .tooLong: return "The call was not accepted: a text is longer than 1 MiB."
        case .queueFull: return "The call was not accepted: too many calls wait. Call again later."
        case .embeddedNul: return "The call was not accepted: there is a NUL in the name of the api."
        case .notJSON: return "The call was not accepted: a number is not finite, or has other characters than digits."
        case .wrongABI: return "The package was compiled for another version of the library."
        case .other(let status): return "The call was not accepted: \(status)."
        }
    }
}
