/// A text for C that may hold a secret: bytes with a NUL behind them. The memory is wiped when the
/// text grows and at its end. A `String` cannot be wiped.
///
/// One thread writes the text before it shares it. No thread writes after that.
final class SecretText: @unchecked Sendable {
    private var bytes: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private(set) var count = 0

    init() {
        capacity = 256
        bytes = .allocate(capacity: capacity)
        bytes.initialize(repeating: 0, count: capacity)
    }

    deinit { SecretText.release(bytes, capacity) }

    func append(_ byte: UInt8) {
        // Keeps a place for the NUL behind the text.
        if count + 1 == capacity { grow() }
        bytes[count] = byte
        count += 1
    }

    func append<Bytes: Sequence>(_ more: Bytes) where Bytes.Element == UInt8 {
        for byte in more { append(byte) }
    }

    func append(_ text: String) { append(text.utf8) }

    var string: String { String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self) }

    /// Calls `body` with the text, which is valid until `body` returns.
    func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        withExtendedLifetime(self) {
            bytes.withMemoryRebound(to: CChar.self, capacity: count + 1) { body($0) }
        }
    }

    private func grow() {
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: 2 * capacity)
        larger.initialize(repeating: 0, count: 2 * capacity)
        larger.update(from: bytes, count: count)
        SecretText.release(bytes, capacity)
        bytes = larger
        capacity *= 2
    }

    private static func release(_ bytes: UnsafeMutablePointer<UInt8>, _ capacity: Int) {
        wipe(bytes, capacity)
        bytes.deallocate()
    }
}

/// Writes zeros over memory. The function is not inlined. So the compiler cannot see that no code
/// reads the zeros.
@inline(never)
func wipe(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) {
    for index in 0..<count { bytes[index] = 0 }
}
