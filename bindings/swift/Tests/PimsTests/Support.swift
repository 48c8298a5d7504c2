import Foundation
import XCTest

@testable import Pims

/// The longest time that any step of a test may take, on the slowest machine.
let deadline: TimeInterval = 300
let phoneNumber = "+33612345678"
let pin = "1234"

let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../../..").standardized

struct TooLate: Error {}

/// A queue of values from another thread, for which a test waits.
final class Box<Value: Sendable>: @unchecked Sendable {
    private let condition = NSCondition()
    private var values: [Value] = []

    func put(_ value: Value) {
        condition.lock()
        values.append(value)
        condition.signal()
        condition.unlock()
    }

    /// Waits for the next value and returns it. Values keep their order.
    func take() throws -> Value {
        let end = Date(timeIntervalSinceNow: deadline)
        condition.lock()
        defer { condition.unlock() }
        while values.isEmpty {
            guard condition.wait(until: end) else { throw TooLate() }
        }
        return values.removeFirst()
    }

    var isEmpty: Bool {
        condition.lock()
        defer { condition.unlock() }
        return values.isEmpty
    }
}

/// Runs a coroutine from a thread that may block.
func wait<Value: Sendable>(for body: @escaping @Sendable () async throws -> Value) throws -> Value {
    let box = Box<Result<Value, any Error>>()
    Task {
        do { box.put(.success(try await body())) } catch { box.put(.failure(error)) }
    }
    return try box.take().get()
}

/// Waits until no subscription is left. The last reference to a session may be released a moment
/// after its test has returned.
func assertNoFeeds(line: UInt = #line) {
    let end = Date(timeIntervalSinceNow: deadline)
    while Feeds.shared.count > 0, Date() < end { Thread.sleep(forTimeInterval: 0.01) }
    XCTAssertEqual(Feeds.shared.count, 0, line: line)
}

/// A test case with an empty folder for each test. It leaves no facade.
class FolderTestCase: XCTestCase {
    private(set) var folder = ""

    override func setUpWithError() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("pims-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        folder = url.resolvingSymlinksInPath().path
    }

    override func tearDownWithError() throws {
        pims.free()
        try FileManager.default.removeItem(atPath: folder)
    }

    var configuration: [String: JSON] { ["storage": ["path": .string(folder)]] }

    func smsCode() throws -> String { try lastCode(in: folder) }

    /// Returns a device that is enrolled with the PIN.
    func enrolledDevice() async throws -> StrongAuthentication {
        try await pims.initialize(configuration: configuration)
        let device = StrongAuthentication()
        try await device.requestPhoneNumberCode(phoneNumber)
        try await device.enrollWithPhoneNumber(phoneNumber, pin: pin, smsCode: smsCode())
        return device
    }

    func assertFails(_ code: Int, _ body: () async throws -> Void, line: UInt = #line) async {
        do {
            try await body()
            XCTFail("it succeeds", line: line)
        } catch let error as PimsError {
            XCTAssertEqual(error.code, code, line: line)
        } catch {
            XCTFail("\(error)", line: line)
        }
    }
}

/// Returns the code of the last SMS of the embedded authority.
func lastCode(in storage: String) throws -> String {
    let outbox = try String(contentsOfFile: storage + "/sms-outbox.jsonl", encoding: .utf8)
    let line = try XCTUnwrap(outbox.split(separator: "\n").last)
    return try XCTUnwrap(JSON(text: String(line))?["code"]?.stringValue)
}
