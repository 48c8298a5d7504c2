import Foundation

/// The subscriptions of this process. A closure is kept from the call on until its subscription ends: by a failed acknowledgment, by
/// `unsubscribe`, or with the facade. Closures run, and go, without the lock.
final class Feeds: @unchecked Sendable {
    static let shared = Feeds()

    private struct Feed {
        let api: String
        let callback: Callback
        let onEnd: @Sendable () -> Void
        /// The facade that acknowledged it; 0 until then.
        var facade = 0
    }

    /// Guards all that follows.
    private let lock = NSLock()
    private var feeds: [UInt: Feed] = [:]
    private var lastId: UInt = 0
    private var facades = 0

    /// How many facades there were.
    var facade: Int { locked { facades } }

    /// How many subscriptions there are, asked for or active.
    var count: Int { locked { feeds.count } }

    /// To be told before all that the new facade does.
    func facadeBegan() { locked { facades += 1 } }

    func add(api: String, callback: @escaping Callback, onEnd: @escaping @Sendable () -> Void) -> UInt {
        locked {
            lastId += 1
            feeds[lastId] = Feed(api: api, callback: callback, onEnd: onEnd)
            return lastId
        }
    }

    /// The call was not accepted.
    func forget(_ id: UInt) { _ = locked { feeds.removeValue(forKey: id) } }

    func deliver(_ message: Message, to id: UInt) {
        let isEnd = message.status == .failed
        let found: Feed? = locked {
            if isEnd { return feeds.removeValue(forKey: id) }
            if feeds[id]?.facade == 0 { feeds[id]?.facade = facades }
            return feeds[id]
        }
        found?.callback(message)
        if isEnd { found?.onEnd() }
    }

    /// The library ended the active subscription to an api. One that was asked for later gets its own acknowledgment.
    func end(api: String) { remove { $0.api == api && $0.facade > 0 } }

    /// A facade was released: nothing comes any more for what was active. What was only asked for is acknowledged by a failure.
    func endAll(upTo facade: Int) { remove { $0.facade > 0 && $0.facade <= facade } }

    private func remove(_ isOver: (Feed) -> Bool) {
        let ended: [UInt: Feed] = locked {
            let ended = feeds.filter { isOver($0.value) }
            for id in ended.keys { feeds.removeValue(forKey: id) }
            return ended
        }
        for feed in ended.values { feed.onEnd() }
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        lock.lock()
        defer { lock.unlock() }
        return body()
    }
}
