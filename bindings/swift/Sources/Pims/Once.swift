import Foundation

/// Tells the first who asks from those who follow.
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
