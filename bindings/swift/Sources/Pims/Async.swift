/// The same calls for `async`: a call returns its result, or throws a `PimsError` or a `Refusal`.
///
/// A cancelled task still waits for its call: the call has begun, and no message says how far it
/// came. A cancelled call counts: a PIN or a code that it submitted may have cost an attempt. The
/// library's timeouts bound the wait.
extension DefaultFacade {
    /// Makes the facade. Configuration: docs/configuration.md.
    public func initialize(configuration: [String: JSON] = [:]) async throws {
        _ = try await message { self.initialize(configuration: configuration, callback: $0) }.get()
    }
}

/// The same calls for `async`, see `DefaultFacade`.
extension Facade {
    /// Requests data, see docs/api.md.
    @discardableResult
    public func get(api: String, parameters: [String: JSON] = [:]) async throws -> JSON {
        try await message { self.get(api: api, parameters: parameters, callback: $0) }.get()
    }

    /// Changes data or performs an action.
    @discardableResult
    public func set(api: String, parameters: [String: JSON] = [:]) async throws -> JSON {
        try await message { self.set(api: api, parameters: parameters, callback: $0) }.get()
    }

    /// Ends a subscription, no matter which code made it.
    public func unsubscribe(api: String, parameters: [String: JSON] = [:]) async throws {
        _ = try await message { self.unsubscribe(api: api, parameters: parameters, callback: $0) }.get()
    }

    /// Asks for events, and waits for the acknowledgment. The results come until `unsubscribe`,
    /// until the facade ends, or until no task can wait for them any more: the subscription ends if
    /// the program releases the stream and its iterators, or cancels a task that waits for the next
    /// event. A `break` out of a loop ends it only if no other reference to the stream exists.
    ///
    /// A task that is cancelled while it waits for the acknowledgment gets a `CancellationError`.
    /// The subscription is over then, and the program may ask for the next one at once.
    ///
    /// The stream holds up to `limit` events that the program has not taken. If there are more, the
    /// oldest are dropped.
    public func events(api: String, parameters: [String: JSON] = [:], limit: Int = 64) async throws -> AsyncStream<JSON> {
        try await stream(api: api, parameters: parameters, limit: limit) { [$0] }
    }

    /// Does the same as `events`. The stream holds the values that `read` makes of each result.
    func stream<Event: Sendable>(
        api: String, parameters: [String: JSON], limit: Int, read: @escaping @Sendable (JSON) -> [Event]
    ) async throws -> AsyncStream<Event> {
        var made: AsyncStream<Event>.Continuation?
        let stream = AsyncStream<Event>(bufferingPolicy: .bufferingNewest(limit)) { made = $0 }
        // The closure above has run: AsyncStream calls it before it returns.
        guard let events = made else { return stream }
        let leaving = Leaving()
        let acknowledgment = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Result<Message, Refusal>, Never>) in
                let isAcknowledged = Once()
                let subscribed = subscribe(
                    api: api, parameters: parameters,
                    callback: { message in
                        if isAcknowledged.isFirst() {
                            continuation.resume(returning: .success(message))
                        } else if let result = message["result"] {
                            for event in read(result) { events.yield(event) }
                        }
                    },
                    // The stream keeps its session alive.
                    onEnd: { withExtendedLifetime(self) { events.finish() } },
                    onId: { id in
                        // The subscription may be over already, and the stream with it. So this
                        // ends no other subscription to the api.
                        events.onTermination = { end in
                            guard case .cancelled = end else { return }
                            Feeds.shared.leave(id)
                        }
                        leaving.begin(id)
                    })
                if case .failure(let refusal) = subscribed { continuation.resume(returning: .failure(refusal)) }
            }
        } onCancel: {
            leaving.leave()
        }
        // A refused subscription, too: the cancelled task does not need the reason.
        if leaving.hasLeft { throw CancellationError() }
        _ = try acknowledgment.get().get()
        return stream
    }

    func message(of call: (@escaping Callback) -> Refusal?) async throws -> Message {
        try await withCheckedThrowingContinuation { continuation in
            if let refusal = call({ continuation.resume(returning: $0) }) { continuation.resume(throwing: refusal) }
        }
    }
}
