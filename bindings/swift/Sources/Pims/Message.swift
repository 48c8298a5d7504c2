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

    public var description: String {
        "Message(\(status?.rawValue ?? "unknown")" + (error.map { " \($0.code)" } ?? "") + ")"
    }

    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// A call that failed. What to do for each code is said in docs/guide-errors.md. It never holds a PIN, a code, a key or a token.
public struct PimsError: Error, Hashable, Sendable, CustomStringConvertible {
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

    public var description: String { "\(code) \(label)" + (detail.map { ": \($0)" } ?? "") }
}

/// A message, or a result, that this package does not know: the library is a newer one.
public struct UnexpectedMessage: Error {}

/// A call that the library did not accept: its callback is not called, and nothing was done.
public enum Refusal: Error, Hashable, Sendable {
    /// A text has more than 1 MiB.
    case tooLong
    /// 1,024 calls wait already: call again later.
    case queueFull
    /// The name of an api has a NUL in it, where C would cut it.
    case embeddedNul
    /// The library is of another C interface than this package was compiled for.
    case wrongABI
    /// A value of `pims.h` that this package does not know.
    case other(Int32)
}
