import CPims
import Foundation

/// A receiver of messages. It runs on the one thread of its facade, never two at once. Some
/// messages come on the calling thread: the failure 2001 of a call without a facade, and the
/// failures of `initialize` and `Session.open`.
public typealias Callback = @Sendable (Message) -> Void

/// The default facade of this process. A `Session` has a facade of its own.
///
///     pims.set(api: "pims.authentication.enrollment",
///       parameters: ["action": "enroll", "pinCode": "1234", "smsCode": " "]) { (message) in
///         if message["status"] == "SUCCEEDED" { }
///       }
public let pims = DefaultFacade()

/// The calls of a facade: of the default one (`pims`) or of a `Session`. Every function may be
/// called from any thread, also inside a callback.
public class Facade: @unchecked Sendable {
    /// The number of the facade in the library, which is never given twice in a process. The calls
    /// of a facade that was closed are refused.
    let handle: pims_facade

    fileprivate init(handle: pims_facade) { self.handle = handle }

    // MARK: Callbacks
    // Exactly one message comes for each accepted call; the function then returns `nil`.

    /// Requests data, see docs/api.md.
    @discardableResult
    public func get(api: String, parameters: [String: JSON] = [:], callback: @escaping Callback) -> Refusal? {
        call(pims_facade_get, api, parameters, callback)
    }

    /// Changes data or performs an action.
    @discardableResult
    public func set(api: String, parameters: [String: JSON] = [:], callback: @escaping Callback) -> Refusal? {
        call(pims_facade_set, api, parameters, callback)
    }

    /// Asks for events: the callback gets the acknowledgment, then each event, until `unsubscribe`
    /// or the end of the facade. A facade has one subscription an api: the acknowledgment of a
    /// second one is the failure 2005.
    @discardableResult
    public func subscribe(api: String, parameters: [String: JSON] = [:], callback: @escaping Callback) -> Refusal? {
        switch subscribe(api: api, parameters: parameters, callback: callback, onEnd: {}) {
        case .success: return nil
        case .failure(let refusal): return refusal
        }
    }

    /// Ends the subscription to an api, no matter which call made it. With `transactionId` in the
    /// parameters it ends only the subscription whose messages have this id. After its message no
    /// event comes, and the captured values of the callback are released.
    @discardableResult
    public func unsubscribe(api: String, parameters: [String: JSON] = [:], callback: @escaping Callback) -> Refusal? {
        let transaction = parameters["transactionId"]?.stringValue
        let handle = handle
        return call(pims_facade_unsubscribe, api, parameters) { message in
            if message.succeeded { Feeds.shared.end(api: api, transaction: transaction, of: handle) }
            callback(message)
        }
    }

    // MARK: The calling thread

    public enum Method: String, Sendable {
        case initialize = "init"
        case get, set
    }

    /// Runs one request on the calling thread, outside the queue. It blocks for the duration of the
    /// request. Do not use it on a thread of Swift's concurrency or on the thread of the user
    /// interface.
    public func execute(_ method: Method, api: String = "", parameters: [String: JSON] = [:]) throws -> Message {
        guard pims_abi_version() == UInt32(PIMS_ABI_VERSION) else { throw Refusal.wrongABI }
        guard !api.utf8.contains(0) else { throw Refusal.embeddedNul }
        guard let parameters = SecretText(parameters) else { throw Refusal.notJSON }
        guard let text = parameters.withCString({ pims_facade_execute(handle, method.rawValue, api, $0) }) else { throw Refusal.tooLong }
        defer { pims_string_free(text) }
        let message = Message(text: text)
        if handle != pims_facade(PIMS_DEFAULT_FACADE), message.error?.known == .notInitialized { throw Refusal.noFacade }
        return message
    }

    /// The version of the library.
    public var version: String { String(cString: pims_version()) }

    // MARK: Common parts of the calls

    typealias Function = (pims_facade, UnsafePointer<CChar>?, UnsafePointer<CChar>?, pims_callback?, UnsafeMutableRawPointer?) -> Int32

    /// Passes the number of the subscription in `Feeds` to `onId`, before it calls the library.
    func subscribe(
        api: String, parameters: [String: JSON], callback: @escaping Callback, onEnd: @escaping @Sendable () -> Void,
        onId: (UInt) -> Void = { _ in }
    ) -> Result<UInt, Refusal> {
        guard !api.utf8.contains(0) else { return .failure(.embeddedNul) }
        guard let text = SecretText(parameters) else { return .failure(.notJSON) }
        let id = Feeds.shared.add(handle: handle, api: api, callback: callback, onEnd: onEnd)
        onId(id)
        let status = text.withCString { pims_facade_subscribe(handle, api, $0, onEvent, UnsafeMutableRawPointer(bitPattern: id)) }
        guard let refusal = Refusal(status) else { return .success(id) }
        Feeds.shared.forget(id)
        return .failure(refusal)
    }

    private func call(_ function: Function, _ api: String, _ parameters: [String: JSON], _ callback: @escaping Callback) -> Refusal? {
        guard !api.utf8.contains(0) else { return .embeddedNul }
        return handIn(parameters: parameters, self, callback) { text, onMessage, context in
            function(handle, api, text, onMessage, context)
        }
    }
}

/// The default facade, which `initialize` makes and `free` releases.
public final class DefaultFacade: Facade, @unchecked Sendable {
    fileprivate init() { super.init(handle: pims_facade(PIMS_DEFAULT_FACADE)) }

    /// Makes the facade. Configuration: docs/configuration.md.
    @discardableResult
    public func initialize(configuration: [String: JSON] = [:], callback: @escaping Callback) -> Refusal? {
        guard pims_abi_version() == UInt32(PIMS_ABI_VERSION) else { return .wrongABI }
        let begun: Callback = { message in
            if message.succeeded { Feeds.shared.facadeBegan() }
            callback(message)
        }
        return handIn(parameters: configuration, self, begun) { text, onMessage, context in pims_init(text, onMessage, context) }
    }

    /// Releases the facade. When it returns, every accepted call has had its message; calls that
    /// had not begun failed with 2001. Inside a callback it returns at once, and the facade is
    /// released when that callback returns. A second call has no effect.
    public func free() {
        _ = pims_free()
        // Another thread may have begun a facade before this point: its number is read here. If a
        // facade begins later, it ends older subscriptions itself.
        let facade = Feeds.shared.facade
        if !isThere { Feeds.shared.endAll(of: handle, upTo: facade) }
    }

    /// True if there is a facade that accepts calls.
    private var isThere: Bool {
        guard let text = pims_execute(Method.get.rawValue, "pims.sdk.version", "{}") else { return false }
        defer { pims_string_free(text) }
        return Message(text: text).succeeded
    }

    /// Runs one request on the calling thread, as `Facade.execute` does. `.initialize` makes the
    /// facade; its `parameters` are the configuration.
    override public func execute(_ method: Method, api: String = "", parameters: [String: JSON] = [:]) throws -> Message {
        guard method == .initialize else { return try super.execute(method, api: api, parameters: parameters) }
        guard !api.utf8.contains(0) else { throw Refusal.embeddedNul }
        // The message comes before any other message of the facade. Inside a callback, on the
        // library's thread, nothing has to be waited for: a facade exists while a callback runs,
        // and that failure arrives at once.
        let answer = Answer()
        if let refusal = initialize(configuration: parameters, callback: { answer.put($0) }) { throw refusal }
        return answer.wait()
    }
}

/// A facade of its own, for another account, from `open` to its end.
///
///     let session = try await Session.open(configuration: ["storage": ["path": "second"]])
///     print(try await StrongAuthentication(session).otp(pin: pin))
///     session.close()
///
/// A process may have any number of sessions at once, beside the default facade. Each has its own
/// `storage.path`, log, queue and thread. Any thread may call, and close, while others call.
///
/// A session ends with `close()`, or with its last reference. `StrongAuthentication`, a call until
/// its message, and a stream until its end hold a reference; a callback of `subscribe` holds none.
/// The calls of a closed session are refused (`Refusal.noFacade`).
public final class Session: Facade, @unchecked Sendable {
    /// Makes a facade beside the others. Configuration: docs/configuration.md. Throws a `PimsError`
    /// (2004, 2006) or a `Refusal`.
    public static func open(configuration: [String: JSON]) async throws -> Session {
        try await withCheckedThrowingContinuation { continuation in
            let opened: Callback = { message in
                continuation.resume(with: Result { try Session(message) })
            }
            if let refusal = begin(configuration, opened) { continuation.resume(throwing: refusal) }
        }
    }

    /// Makes a facade beside the others, and waits for it. Do not call it on a thread of Swift's
    /// concurrency or on the thread of the user interface. Otherwise like `open`.
    public static func openAndWait(configuration: [String: JSON]) throws -> Session {
        let answer = Answer()
        if let refusal = begin(configuration, { answer.put($0) }) { throw refusal }
        return try Session(answer.wait())
    }

    /// Releases the facade. When it returns, every accepted call has had its message; calls that
    /// had not begun failed with 2001. Inside a callback of any facade it returns at once, and the
    /// facade is released when its running callback returns. A second call has no effect.
    public func close() {
        _ = pims_close(handle)
        Feeds.shared.endAll(of: handle, upTo: Feeds.ofSession)
    }

    deinit { close() }

    /// Reads the handle, which stands in the message.
    private init(_ message: Message) throws {
        guard let number = try message.get()["facade"]?.intValue else { throw UnexpectedMessage() }
        super.init(handle: pims_facade(number))
    }

    private static func begin(_ configuration: [String: JSON], _ opened: @escaping Callback) -> Refusal? {
        guard pims_abi_version() == UInt32(PIMS_ABI_VERSION) else { return .wrongABI }
        var handle = pims_facade(PIMS_NO_FACADE)
        return handIn(parameters: configuration, nil, opened) { text, onMessage, context in
            pims_open(text, onMessage, context, &handle)
        }
    }
}

/// Retains the callback for C once. It is released once: by its one message, or here if the call is
/// not accepted.
private func handIn(
    parameters: [String: JSON], _ facade: Facade?, _ callback: @escaping Callback,
    _ function: (UnsafePointer<CChar>, pims_callback, UnsafeMutableRawPointer) -> Int32
) -> Refusal? {
    guard let text = SecretText(parameters) else { return .notJSON }
    let context = Unmanaged.passRetained(OneMessage(facade, callback))
    let status = text.withCString { function($0, onMessage, context.toOpaque()) }
    if status != PIMS_OK { context.release() }
    return Refusal(status)
}

/// The `ctx` of a call that gets one message. It keeps a session alive until then: without it, a
/// call could be the last use of its session, whose end would fail the call.
private final class OneMessage: Sendable {
    let callback: Callback
    private let facade: Facade?

    init(_ facade: Facade?, _ callback: @escaping Callback) {
        self.facade = facade
        self.callback = callback
    }
}

private func onMessage(text: UnsafePointer<CChar>?, context: UnsafeMutableRawPointer?) {
    guard let text, let context else { return }
    let call = Unmanaged<OneMessage>.fromOpaque(context).takeRetainedValue()
    call.callback(Message(text: text))
}

/// Receives an event. Its `ctx` is the number of a subscription, not a pointer. So an event of an
/// ended subscription finds no entry, and does no harm.
private func onEvent(text: UnsafePointer<CChar>?, context: UnsafeMutableRawPointer?) {
    guard let text else { return }
    Feeds.shared.deliver(Message(text: text), to: UInt(bitPattern: context))
}

extension Message {
    /// Reads a text of the library in place. A text that is no JSON gives a message without a
    /// status; no version of the library writes such a text.
    init(text: UnsafePointer<CChar>) {
        let count = strlen(text)
        let json = text.withMemoryRebound(to: UInt8.self, capacity: count) { JSON(bytes: UnsafeBufferPointer(start: $0, count: count)) }
        self.init(json ?? .null)
    }
}

extension SecretText {
    /// Writes the parameters of a call. Returns `nil` if they have no form in JSON.
    convenience init?(_ parameters: [String: JSON]) {
        self.init()
        guard JSON.object(parameters).write(to: self) else { return nil }
    }
}

extension Refusal {
    /// Returns `nil` if the call was accepted.
    init?(_ status: Int32) {
        switch status {
        case PIMS_OK: return nil
        case PIMS_ERROR_TOO_LONG: self = .tooLong
        case PIMS_ERROR_QUEUE_FULL: self = .queueFull
        case PIMS_ERROR_NO_FACADE: self = .noFacade
        default: self = .other(status)
        }
    }
}
