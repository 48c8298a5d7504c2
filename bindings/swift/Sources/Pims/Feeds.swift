import CPims
import Foundation

/// The subscriptions of this process. A closure is kept from the call on until its subscription ends: by a failed acknowledgment, by
/// `unsubscribe`, or with the facade. Closures run, and go, without the lock.
final class Feeds: @unchecked Sendable {
    static let shared = Feeds()

    private struct Feed {
        let api: String
        let parameters: SecretText
        let callback: Callback
        let onEnd: @Sendable () -> Void
        /// The facade that acknowledged it; 0 until then.
        var facade = 0
        /// It was left before its acknowledgment, which ends it.
        var isLeft = false
    }

    /// Guards all that follows.
    private let lock = NSLock()
    private var feeds: [UInt: Feed] = [:]
    private var lastId: UInt = 0
    private var facades = 0

    /// Held while the library is asked to end what was left, so that who comes next sees whether it accepted. Taken before `lock`. A thread
    /// may take it twice: what is let go meanwhile may be a stream that leaves its subscription.
    private let ending = NSRecursiveLock()
    /// What nobody wants any more, and the library was not yet asked to end: its queue was full. Guarded by `ending`.
    private var left: Set<UInt> = []

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

    func add(api: String, parameters: SecretText, callback: @escaping Callback, onEnd: @escaping @Sendable () -> Void) -> UInt {
        locked {
            lastId += 1
            feeds[lastId] = Feed(api: api, parameters: parameters, callback: callback, onEnd: onEnd)
            return lastId
        }
    }

    /// The call was not accepted.
    func forget(_ id: UInt) { _ = locked { feeds.removeValue(forKey: id) } }

    func deliver(_ message: Message, to id: UInt) {
        var isEnd = message.status == .failed
        let found: Feed? = locked {
            if isEnd { return feeds.removeValue(forKey: id) }
            if feeds[id]?.facade == 0 { feeds[id]?.facade = facades }
            return feeds[id]
        }
        if let feed = found, feed.isLeft, !isEnd {
            // On the library's thread, and so before the calls that wait: another subscription may be among them.
            isEnd = endsNow(feed)
            if isEnd { forget(id) } else { leave(id) }
        }
        found?.callback(message)
        if isEnd { found?.onEnd() }
    }

    private func endsNow(_ feed: Feed) -> Bool {
        guard let text = feed.parameters.withCString({ pims_execute("unsubscribe", feed.api, $0) }) else { return false }
        defer { pims_string_free(text) }
        return Message(text: text).succeeded
    }

    /// Ends this subscription, and no other one to its api. Before its acknowledgment it is noted, and ends then. Where the queue is full the library is asked again after each message: a full
    /// queue has messages to come.
    func leave(_ id: UInt) {
        let isAsked: Bool = locked {
            guard feeds[id]?.facade == 0 else { return false }
            feeds[id]?.isLeft = true
            return true
        }
        if isAsked { return }
        ending.lock()
        defer { ending.unlock() }
        left.insert(id)
        askForEnds()
    }

    /// To be called after each message, and before a subscription. Whether something waits for its end: it would make a new subscription a
    /// duplicate.
    @discardableResult
    func endWhatWasLeft() -> Bool {
        ending.lock()
        defer { ending.unlock() }
        if !left.isEmpty { askForEnds() }
        return !left.isEmpty
    }

    /// With `ending` held.
    private func askForEnds() {
        for id in left {
            let found: Feed? = locked { feeds[id] }
            // One that is over, as with its facade, has no claim to its name any more.
            guard let feed = found else {
                left.remove(id)
                continue
            }
            let status = feed.parameters.withCString { pims_unsubscribe(feed.api, $0, onLeft, UnsafeMutableRawPointer(bitPattern: id)) }
            if status == PIMS_ERROR_QUEUE_FULL { return }
            left.remove(id)
        }
    }

    /// One that was left is over: the library ended it, or there is no facade any more.
    func end(_ id: UInt) {
        let ended: Feed? = locked { feeds.removeValue(forKey: id) }
        ended?.onEnd()
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

/// The message of an unsubscription by `askForEnds`, which it may run inside: it asks for no more. Its `ctx` is the number of the subscription.
private func onLeft(text: UnsafePointer<CChar>?, context: UnsafeMutableRawPointer?) {
    guard let text else { return }
    let message = Message(text: text)
    if message.succeeded || message.error?.code == 2001 { Feeds.shared.end(UInt(bitPattern: context)) }
}
