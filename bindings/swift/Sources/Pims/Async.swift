/// The same for `async`: a call gives its result, or throws a `PimsError` or a `Refusal`.
///
/// A task that is cancelled waits all the same: its call has begun, and nobody could say how far it came. The library's timeouts bound it.
extension Facade {
    /// Makes the facade, see docs/configuration.md.
    public func initialize(configuration: [String: JSON] = [:]) async throws {
        _ = try await message { self.initialize(configuration: configuration, callback: $0) }.get()
    }

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

    /// Ends a subscription, whoever made it.
    public func unsubscribe(api: String, parameters: [String: JSON] = [:]) async throws {
        _ = try await message { self.unsubscribe(api: api, parameters: parameters, callback: $0) }.get()
    }

    /// Asks for events, and waits for the acknowledgment. The results come until `unsubscribe` or `free`, or until nobody can wait for them any
    /// more: the subscription ends where the stream and its iterators are let go, or a task that waits for the next event is cancelled. A loop
    /// that is left ends it only where nothing else holds the stream.
    public func events(api: String, parameters: [String: JSON] = [:]) async throws -> AsyncStream<JSON> {
        var made: AsyncStream<JSON>.Continuation?
        let stream = AsyncStream<JSON> { made = $0 }
        // The closure above has run: AsyncStream calls it before it returns.
        guard let events = made else { return stream }
        let acknowledgment = await withCheckedContinuation { (continuation: CheckedContinuation<Result<Message, Refusal>, Never>) in
            let isAcknowledged = Once()
            let subscribed = subscribe(
                api: api, parameters: parameters,
                callback: { message in
                    if isAcknowledged.isFirst() {
                        continuation.resume(returning: .success(message))
                    } else if let result = message["result"] {
                        events.yield(result)
                    }
                },
                onEnd: { events.finish() })
            switch subscribed {
            case .success(let id):
                // It may be over already, and the stream with it; another subscription to this api is none of this one's.
                events.onTermination = { end in
                    guard case .cancelled = end else { return }
                    Feeds.shared.leave(id)
                }
            case .failure(let refusal): continuation.resume(returning: .failure(refusal))
            }
        }
        _ = try acknowledgment.get().get()
        return stream
    }

    private func message(of call: (@escaping Callback) -> Refusal?) async throws -> Message {
        try await withCheckedThrowingContinuation { continuation in
            if let refusal = call({ continuation.resume(returning: $0) }) { continuation.resume(throwing: refusal) }
        }
    }
}
