import CPims
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
        /// The id of its messages; `nil` until its acknowledgment.
        var transaction: String?
        /// Nobody wants it any more. Before its acknowledgment, that one ends it.
        var isLeft = false

        /// The parameters that end this subscription and no other one. The id is hexadecimal digits and a hyphen.
        var ending: String? { transaction.map { "{\"transactionId\":\"\($0)\"}" } }
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

    /// To be told before all that the new facade does. What is older is over.
    func facadeBegan() {
        let before: Int = locked {
            facades += 1
            return facades - 1
        }
        endAll(upTo: before)
    }

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
        var isEnd = message.status == .failed
        let found: Feed? = locked {
            if isEnd { return feeds.removeValue(forKey: id) }
            if feeds[id]?.facade == 0 {
                feeds[id]?.facade = facades
                feeds[id]?.transaction = message["transactionId"]?.stringValue
            }
            return feeds[id]
        }
        if let feed = found, let ending = feed.ending, feed.isLeft, !isEnd {
            // On the library's thread, and so before the calls that wait: another subscription may be among them.
            pims_string_free(pims_execute("unsubscribe", feed.api, ending))
            forget(id)
            isEnd = true
        }
        found?.callback(message)
        if isEnd { found?.onEnd() }
    }

    /// Ends this subscription, and no other one to its api. Before its acknowledgment it is noted, and ends then. The library has a place in
    /// its queue reserved for the call: where it does not accept it, it has no such subscription any more.
    func leave(_ id: UInt) {
        let found: Feed? = locked {
            feeds[id]?.isLeft = true
            return feeds[id]
        }
        guard let feed = found, let ending = feed.ending else { return }
        if pims_unsubscribe(feed.api, ending, onLeft, UnsafeMutableRawPointer(bitPattern: id)) != PIMS_OK { end(id) }
    }

    /// One that was left is over: the library ended it, or there is no facade any more.
    func end(_ id: UInt) {
        let ended: Feed? = locked { feeds.removeValue(forKey: id) }
        ended?.onEnd()
    }

    /// The library ended the active subscription to an api; with an id, only where its messages have this id. One that was asked for later
    /// gets its own acknowledgment.
    func end(api: String, transaction: String?) {
        remove { $0.api == api && $0.facade > 0 && (transaction == nil || transaction == $0.transaction) }
    }

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

/// The message of an unsubscription by `leave`: the subscription ended, or there is no facade any more. Its `ctx` is the subscription's number.
private func onLeft(text: UnsafePointer<CChar>?, context: UnsafeMutableRawPointer?) {
    Feeds.shared.end(UInt(bitPattern: context))
}
