import Foundation
import Pims
import XCTest

/// The suite of all languages, see tests/conformance/README.md. It runs through the callbacks and
/// through `async`.
final class ConformanceTests: FolderTestCase {
    func testEveryMessageOfTheCallbacksIsTheOneOfTheSuite() throws { try run { Calling() } }

    func testEveryMessageOfAsyncIsTheOneOfTheSuite() throws { try run { Awaiting() } }

    func testWhatDiffersDoesNotMatch() {
        let runner = Runner(folder: "/here")
        let pairs: [(JSON, JSON)] = [
            (["a": 1], ["a": 1, "b": 2]), (["a": 1, "b": 2], ["a": 1]), (["a": 1], ["a": true]), (["a": [1, 2]], ["a": [2, 1]]),
            (["a": .null], [:]), (1, 1.0), ("$otp", "47NCKOXB"), ("$otp", ""), ("$otp", "123456789"), ("$path", "/somewhere/else"),
            ("$version", "1.2"), ("$version", "1.x.2"), ("$text", ""), ("$time", "1700000000000"), ("$time", 1700000000), ("$seconds", "300"), ("$seconds", 0), ("text", "$text"), ("\u{e9}", "e\u{301}"),
        ]
        for (expected, actual) in pairs { XCTAssertFalse(runner.matches(expected, actual), "\(expected) \(actual)") }
        XCTAssertTrue(runner.matches(["a": ["$otp", "$path", "$version", "$text", "$time", "$seconds"]], ["a": ["47nckoxb", "/here/log", "0.1.0-rc", "x", 1700000000000, 300]]))
    }

    private func run(_ performer: () -> any Performer) throws {
        let text = try String(contentsOf: repository.appendingPathComponent("tests/conformance/suite.json"), encoding: .utf8)
        let suite = try XCTUnwrap(JSON(text: text))
        XCTAssertEqual(suite["format"], 1)
        var runner = Runner(folder: folder)
        var steps = 0
        for test in try XCTUnwrap(suite["cases"]?.arrayValue) {
            let performer = performer()
            for step in try XCTUnwrap(test["steps"]?.arrayValue) {
                steps += 1
                let parameters = try step["parameters"].map { try runner.fill($0) }
                let expected = try step["expect"].map { try runner.fill($0) }
                let call = try XCTUnwrap(step["call"]?.stringValue)
                let message = try performer.perform(call, step["api"]?.stringValue ?? "", parameters?.objectValue ?? [:])
                guard runner.matches(expected ?? .null, message ?? .null) else {
                    return XCTFail("\(test["name"]?.text ?? ""): \(step.text) got \(message?.text ?? "nothing")")
                }
                runner.remember(call, parameters, message)
            }
        }
        XCTAssertEqual(suite["steps"]?.intValue, steps)
    }
}

/// The runner of the steps: it keeps their values for later steps, and checks their messages.
private struct Runner {
    let folder: String
    private var storage = ""
    private var password = ""
    private var state = ""
    private var deviceID = ""
    private var number = ""

    init(folder: String) { self.folder = folder }

    func fill(_ value: JSON) throws -> JSON {
        switch value {
        case .string(let text): return .string(try fill(text))
        case .array(let elements): return .array(try elements.map(fill))
        case .object(let members): return .object(try members.mapValues(fill))
        default: return value
        }
    }

    private func fill(_ text: String) throws -> String {
        var text = text
        while let start = text.range(of: "${"), let end = text.range(of: "}", range: start.upperBound..<text.endIndex) {
            text.replaceSubrange(start.lowerBound..<end.upperBound, with: try value(String(text[start.upperBound..<end.lowerBound])))
        }
        return text
    }

    private func value(_ name: String) throws -> String {
        switch name {
        case "folder": return folder
        case "otp": return password
        case "state": return state
        case "deviceId": return deviceID
        case "number": return number
        case "wrongNumber": return try increased(number)
        case "smsCode": return try lastCode(in: storage)
        case "wrongSmsCode": return try increased(lastCode(in: storage))
        default: throw UnknownStep()
        }
    }

    /// Returns digits with the last one increased by one; 9 becomes 0.
    private func increased(_ digits: String) throws -> String {
        let last = try XCTUnwrap(digits.last?.wholeNumberValue)
        return digits.dropLast() + String((last + 1) % 10)
    }

    mutating func remember(_ call: String, _ parameters: JSON?, _ message: JSON?) {
        if call == "init", let path = parameters?["storage"]?["path"]?.stringValue { storage = path }
        if let otp = message?["result"]?["otp"]?.stringValue { password = otp }
        let device = message?["result"]?["devices"]?[0] ?? message?["result"]
        if let told = device?["deviceId"]?.stringValue { deviceID = told }
        if let shown = message?["result"]?["number"]?.stringValue { number = shown }
        if let exported = message?["result"]?["state"]?.stringValue { state = exported }
    }

    func matches(_ expected: JSON, _ actual: JSON) -> Bool {
        switch (expected, actual) {
        case (.object(let expected), .object(let actual)):
            return expected.count == actual.count
                && expected.allSatisfy { name, value in actual[name].map { matches(value, $0) } ?? false }
        case (.array(let expected), .array(let actual)):
            return expected.count == actual.count && zip(expected, actual).allSatisfy(matches)
        case (.string("$time"), _): return actual.intValue.map { String($0).utf8.count == 13 } ?? false
        case (.string("$seconds"), _): return actual.intValue.map { (1...86400).contains($0) } ?? false
        case (.string(let expected), .string(let actual)): return matches(expected, actual)
        default: return expected == actual
        }
    }

    private func matches(_ expected: String, _ actual: String) -> Bool {
        switch expected {
        case "$otp": return (1...8).contains(actual.utf8.count) && actual.utf8.allSatisfy { "0123456789abcdefghijklmnopqrstuvwxyz".utf8.contains($0) }
        case "$path": return actual.hasPrefix(folder + "/")
        case "$version": return actual.range(of: "^[0-9]+\\.[0-9]+\\.[0-9]+", options: .regularExpression) != nil
        case "$text": return !actual.isEmpty
        // Compares bytes: Swift's own comparison treats é and an e with an accent as equal.
        default: return Array(expected.utf8) == Array(actual.utf8)
        }
    }
}

/// An interface that performs a step. It returns the message without its `transactionId`, or
/// nothing for `free`.
private protocol Performer {
    func perform(_ call: String, _ api: String, _ parameters: [String: JSON]) throws -> JSON?
}

private struct UnknownStep: Error {}

private struct Calling: Performer {
    private let events = Box<Message>()

    func perform(_ call: String, _ api: String, _ parameters: [String: JSON]) throws -> JSON? {
        let box = Box<Message>()
        let isFirst = Box<Bool>()
        isFirst.put(true)
        let refusal: Refusal?
        switch call {
        case "init": refusal = pims.initialize(configuration: parameters) { box.put($0) }
        case "get": refusal = pims.get(api: api, parameters: parameters) { box.put($0) }
        case "set": refusal = pims.set(api: api, parameters: parameters) { box.put($0) }
        case "unsubscribe": refusal = pims.unsubscribe(api: api, parameters: parameters) { box.put($0) }
        case "subscribe":
            refusal = pims.subscribe(api: api, parameters: parameters) { message in
                if isFirst.isEmpty { self.events.put(message) } else { _ = try? isFirst.take(); box.put(message) }
            }
        case "event": return try body(of: events.take())
        case "free":
            pims.free()
            XCTAssertTrue(events.isEmpty)
            return nil
        default: throw UnknownStep()
        }
        if let refusal { throw refusal }
        return try body(of: box.take())
    }

    private func body(of message: Message) throws -> JSON {
        var members = try XCTUnwrap(message.json.objectValue)
        let transaction = try XCTUnwrap(members.removeValue(forKey: "transactionId")?.stringValue)
        // The report of wrong PINs contains a time.
        members.removeValue(forKey: "info")
        XCTAssertNotNil(transaction.range(of: "^[0-9a-f]{8}-[0-9a-f]{4}$", options: .regularExpression), transaction)
        return .object(members)
    }
}

private final class Awaiting: Performer {
    private var streams: [AsyncStream<JSON>] = []

    func perform(_ call: String, _ api: String, _ parameters: [String: JSON]) throws -> JSON? {
        do {
            switch call {
            case "init": return succeeded(try wait { try await pims.initialize(configuration: parameters) })
            case "get": return succeeded(try wait { try await pims.get(api: api, parameters: parameters) })
            case "set": return succeeded(try wait { try await pims.set(api: api, parameters: parameters) })
            case "unsubscribe": return succeeded(try wait { try await pims.unsubscribe(api: api, parameters: parameters) })
            case "subscribe":
                streams.append(try wait { try await pims.events(api: api, parameters: parameters) })
                return succeeded(())
            case "event":
                let stream = try XCTUnwrap(streams.last)
                let event = try wait { await stream.first { _ in true } }
                return ["status": "RESULT", "result": try XCTUnwrap(event)]
            case "free":
                pims.free()
                for stream in streams { XCTAssertNil(try wait { await stream.first { _ in true } }) }
                return nil
            default: throw UnknownStep()
            }
        } catch let error as PimsError {
            return failed(error)
        }
    }

    private func succeeded(_ result: JSON) -> JSON { ["status": "SUCCEEDED", "result": result] }

    private func succeeded(_: Void) -> JSON { succeeded(.null) }

    private func failed(_ error: PimsError) -> JSON {
        var told: [String: JSON] = ["code": .integer(Int64(error.code)), "label": .string(error.label)]
        if let detail = error.detail { told["detail"] = .string(detail) }
        if !error.info.isEmpty { told["info"] = .object(error.info) }
        return ["status": "FAILED", "error": .object(told)]
    }
}
