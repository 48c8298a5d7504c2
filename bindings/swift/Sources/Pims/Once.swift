import Foundation

/// A flag that distinguishes the first caller from later callers.
final class Once: @unchecked Sendable {
    private let lock = NSLock()
    private var isOver = false

    func isFirst() -> Bool {
        lock.lock()
        defer { lock.unlock() }
        defer { isOver = true }
        return !isOver
    }
}

/// A slot that passes a message to the thread that waits for it.
final class Answer: @unchecked Sendable {
    private let condition = NSCondition()
    private var message: Message?

    func put(_ message: Message) {
        condition.lock()
        defer { condition.unlock() }
        self.message = message
        condition.signal()
    }

    func wait() -> Message {
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let message { return message }
            condition.wait()
        }
    }
}

/// The cancellation of a task that asks for a subscription. It may come before the subscription has
/// its number.
final class Leaving: @unchecked Sendable {
    private let lock = NSLock()
    private var id: UInt?
    private var isCancelled = false

    /// True if the task was cancelled.
    var hasLeft: Bool {
        lock.lock()
        defer { lock.unlock() }
        return isCancelled
    }

    func begin(_ id: UInt) {
        lock.lock()
        self.id = id
        let isOver = isCancelled
        lock.unlock()
        if isOver { Feeds.shared.leave(id) }
    }

    func leave() {
        lock.lock()
        isCancelled = true
        let begun = id
        lock.unlock()
        if let begun { Feeds.shared.leave(begun) }
    }
}
