import CPims
import Foundation

/// The subscriptions of this process. A closure is kept from the call until its subscription ends:
/// by a failed acknowledgment, by `unsubscribe`, or with the facade. Closures run and are released
/// without the lock.
final class Feeds: @unchecked Sendable {
    static let shared = Feeds()

    /// The number of the facade of each session, see `Feed.facade`.
    static let ofSession = 1

    private struct Feed {
        let handle: pims_facade
        let api: String
        let callback: Callback
        let onEnd: @Sendable () -> Void
        /// The facade that acknowledged the subscription; 0 until then. The default facades have
        /// numbers: they have one handle.
        var facade = 0
        /// The id of the subscription's messages; `nil` until its acknowledgment.
        var transaction: String?
        /// The owner ended the subscription. If it has no acknowledgment yet, the acknowledgment
        /// ends it.
        var isLeft = false

        /// The parameters that end this subscription and no other one. The id is hexadecimal digits
        /// and a hyphen.
        var ending: String? { transaction.map { "{\"transactionId\":\"\($0)\"}" } }
    }

    /// Guards all properties below.
    private let lock = NSLock()
    private var feeds: [UInt: Feed] = [:]
    private var lastId: UInt = 0
    private var facades = 0

    /// The number of default facades so far.
    var facade: Int { locked { facades } }

    /// The number of subscriptions, requested or active.
    var count: Int { locked { feeds.count } }

    /// Must be called before any other message of the new default facade. Ends older
    /// subscriptions.
    func facadeBegan() {
        let before: Int = locked {
            facades += 1
            return facades - 1
        }
        endAll(of: defaultHandle, upTo: before)
    }

    func add(handle: pims_facade, api: String, callback: @escaping Callback, onEnd: @escaping @Sendable () -> Void) -> UInt {
        locked {
            lastId += 1
            feeds[lastId] = Feed(handle: handle, api: api, callback: callback, onEnd: onEnd)
            return lastId
        }
    }

    /// Removes a subscription whose call was not accepted.
    func forget(_ id: UInt) { _ = locked { feeds.removeValue(forKey: id) } }

    func deliver(_ message: Message, to id: UInt) {
        var isEnd = message.status == .failed
        let found: Feed? = locked {
            if isEnd { return feeds.removeValue(forKey: id) }
            if let feed = feeds[id], feed.facade == 0 {
                feeds[id]?.facade = feed.handle == defaultHandle ? facades : Feeds.ofSession
                feeds[id]?.transaction = message["transactionId"]?.stringValue
            }
            return feeds[id]
        }
        if let feed = found, let ending = feed.ending, feed.isLeft, !isEnd {
            // On the facade's thread, so before the calls in the queue: one of them may be another
            // subscription.
            pims_string_free(pims_facade_execute(feed.handle, "unsubscribe", feed.api, ending))
            forget(id)
            isEnd = true
        }
        found?.callback(message)
        if isEnd { found?.onEnd() }
    }

    /// Ends this subscription, and no other one to its api. Before the acknowledgment it only sets
    /// a mark; the acknowledgment then ends it. The library's queue has a place reserved for this
    /// call. If the library does not accept it, the
    /// subscription has ended, or another call that ends it waits already.
    func leave(_ id: UInt) {
        let found: Feed? = locked {
            feeds[id]?.isLeft = true
            return feeds[id]
        }
        guard let feed = found, let ending = feed.ending else { return }
        if pims_facade_unsubscribe(feed.handle, feed.api, ending, onLeft, UnsafeMutableRawPointer(bitPattern: id)) != PIMS_OK { end(id) }
    }

    /// Removes a subscription after `leave`: the library ended it, or there is no facade any more.
    func end(_ id: UInt) {
        let ended: Feed? = locked { feeds.removeValue(forKey: id) }
        ended?.onEnd()
    }

    /// Removes the active subscription of a facade to an api, which the library ended; with an id,
    /// only if its messages have this id. A later subscription gets its own acknowledgment.
    func end(api: String, transaction: String?, of handle: pims_facade) {
        remove { $0.handle == handle && $0.api == api && $0.facade > 0 && (transaction == nil || transaction == $0.transaction) }
    }

    /// Removes the subscriptions that were active in a released facade: no event comes for them any
    /// more. A subscription without an acknowledgment gets a failure as its acknowledgment.
    func endAll(of handle: pims_facade, upTo facade: Int) {
        remove { $0.handle == handle && $0.facade > 0 && $0.facade <= facade }
    }

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

private let defaultHandle = pims_facade(PIMS_DEFAULT_FACADE)

/// Receives the message of an unsubscription by `leave`: the subscription ended, or there is no
/// facade any more. `ctx` is the subscription's number.
private func onLeft(text: UnsafePointer<CChar>?, context: UnsafeMutableRawPointer?) {
    Feeds.shared.end(UInt(bitPattern: context))
}
