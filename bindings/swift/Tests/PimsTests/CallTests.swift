import Foundation
import XCTest

@testable import Pims

final class CallTests: FolderTestCase {
    func testTheCallsOfTheReferenceReachTheLibrary() throws {
        enrollAsTheReferenceDoes()
        changeThePINAsTheReferenceDoes()
        let message = try pims.execute(.initialize, parameters: configuration.merging(["monitoring": ["logLevel": "high"]]) { $1 })
        XCTAssertTrue(message.succeeded)
        enrollAsTheReferenceDoes()
        changeThePINAsTheReferenceDoes()
        // The library keeps the order of calls: after this answer, the earlier calls are answered
        // too.
        let answered = Box<Message>()
        pims.get(api: "pims.sdk.log") { answered.put($0) }
        let path = try XCTUnwrap(answered.take()["result"]?["logPath"]?.stringValue)
        let log = try String(contentsOfFile: path, encoding: .utf8)
        XCTAssertTrue(log.contains("2311") && log.contains("2317"), log)
    }

    func testAMessageReadsAsTheReferenceReadsIt() throws {
        let answered = Box<Message>()
        XCTAssertNil(pims.get(api: "pims.sdk.version") { answered.put($0) })
        let message = try answered.take()
        XCTAssertTrue(message["status"] == "FAILED")
        XCTAssertTrue(message["error"]?["code"] == 2001)
        XCTAssertFalse(message["status"] == "SUCCEEDED")
        XCTAssertNil(message["result"])
    }

    func testAFailureIsThrownWithWhatTheMessageSaid() async throws {
        let device = try await enrolledDevice()
        do {
            _ = try await device.otp(pin: "9999")
            XCTFail("it succeeds")
        } catch let error as PimsError {
            XCTAssertEqual(error.code, 2308)
            XCTAssertEqual(error.label, "inwebo: access refused")
            XCTAssertEqual(error.attemptsLeft, 4)
            XCTAssertEqual(error.nextAction, "retryPin")
            XCTAssertNil(error.retryAfterSeconds)
            XCTAssertEqual(error.known, .accessRefused)
            XCTAssertEqual(error.next, .retryPin)
            let detail = try XCTUnwrap(error.detail)
            XCTAssertEqual((error as any Error).localizedDescription, "2308 inwebo: access refused: \(detail)")
        }
        let password = try await pims.get(api: "pims.authentication.otp", parameters: ["action": "withPIN", "pinCode": .string(pin)])
        let otp = try XCTUnwrap(password["otp"]?.stringValue)
        XCTAssertFalse("\(password)".contains(otp))
    }

    func testNullsNumbersAndNestedValuesComeThrough() async throws {
        try await pims.initialize(configuration: configuration)
        let nested: [String: JSON] = ["ignored": ["deep": [[["a": .null]], 1000.0, -0.5, true, "\u{0}漢"]]]
        let result = try await pims.get(api: "pims.sdk.version", parameters: nested)
        XCTAssertNotNil(result["versionCore"]?.stringValue)
        let answer = try await pims.set(api: "pims.authentication.token", parameters: ["type": "cvs", "token": "token"])
        XCTAssertTrue(answer.isNull)
        await assertFails(2101) { try await pims.get(api: "pims.authentication.otp", parameters: ["action": "withPIN", "pinCode": .null]) }
        await assertFails(2102) { try await pims.get(api: "pims.authentication.otp", parameters: ["action": "withPIN", "pinCode": 1234.0]) }
        // The library accepts an integer: the failure says only that this device is not enrolled.
        await assertFails(2317) { try await pims.get(api: "pims.authentication.otp", parameters: ["action": "withPIN", "pinCode": 1234]) }
    }

    func testWhatIsNotAcceptedIsRefusedAndCallsNobody() async throws {
        let long = JSON.string(String(repeating: "x", count: 1 << 20))
        let answered = Box<Message>()
        XCTAssertEqual(pims.set(api: "pims.sdk.configuration", parameters: ["mode": long]) { answered.put($0) }, .tooLong)
        XCTAssertEqual(pims.get(api: "pims.sdk\u{0}.version") { answered.put($0) }, .embeddedNul)
        XCTAssertEqual(pims.subscribe(api: "pims\u{0}") { answered.put($0) }, .embeddedNul)
        XCTAssertThrowsError(try pims.execute(.set, api: "pims.sdk.configuration", parameters: ["mode": long]))
        do {
            try await pims.set(api: "pims.sdk.configuration", parameters: ["mode": long])
            XCTFail("it succeeds")
        } catch {
            XCTAssertEqual(error as? Refusal, .tooLong)
        }
        XCTAssertTrue(answered.isEmpty)
    }

    /// A value that reports its own release.
    private final class Held: Sendable {
        let ended: Box<Bool>
        init(_ ended: Box<Bool>) { self.ended = ended }
        deinit { ended.put(true) }
    }

    func testWhatACallbackCapturedGoesWithItsOneMessageOrItsRefusal() async throws {
        let ended = Box<Bool>()
        func call(api: String) -> Refusal? {
            let held = Held(ended)
            return pims.get(api: api) { _ in withExtendedLifetime(held) {} }
        }
        // Without a facade the message comes before the call returns. With a facade it comes on the
        // library's thread.
        XCTAssertNil(call(api: "pims.sdk.version"))
        XCTAssertTrue(try ended.take())
        try await pims.initialize(configuration: configuration)
        XCTAssertNil(call(api: "pims.sdk.version"))
        XCTAssertTrue(try ended.take())
        XCTAssertEqual(call(api: String(repeating: "x", count: 1 << 20 | 1)), .tooLong)
        XCTAssertTrue(try ended.take())
    }

    func testEveryCallOfManyThreadsHasItsOwnMessage() async throws {
        try await pims.initialize(configuration: configuration)
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for task in 0..<8 {
                group.addTask {
                    var right = 0
                    for call in 0..<50 {
                        let isGood = (task + call) % 2 == 0
                        do {
                            _ = try await pims.get(api: isGood ? "pims.sdk.version" : "pims.sdk.nothing")
                            right += isGood ? 1 : 0
                        } catch let error as PimsError where error.code == 2002 {
                            right += isGood ? 0 : 1
                        }
                    }
                    return right
                }
            }
            return try await group.reduce(0, +)
        }
        XCTAssertEqual(count, 400)
    }

    func testACallbackMayCallAndRelease() async throws {
        try await pims.initialize(configuration: configuration)
        let answered = Box<String>()
        pims.get(api: "pims.sdk.version") { _ in
            pims.get(api: "pims.sdk.device") { answered.put($0.succeeded ? "inner" : "2001") }
            let direct = try? pims.execute(.get, api: "pims.sdk.version")
            answered.put(direct?.succeeded == true ? "direct" : "none")
        }
        XCTAssertEqual(try answered.take(), "direct")
        XCTAssertEqual(try answered.take(), "inner")
        pims.get(api: "pims.sdk.version") { _ in
            pims.free()
            answered.put("released")
        }
        XCTAssertEqual(try answered.take(), "released")
        pims.free()
        await assertFails(2001) { try await pims.get(api: "pims.sdk.version") }
        try await pims.initialize(configuration: configuration)
        await assertFails(2007) { try await pims.initialize(configuration: self.configuration) }
    }

    func testExecuteMakesTheFacadeAndIsToldInsideACallbackThatThereIsOne() throws {
        let configuration = self.configuration
        XCTAssertTrue(try pims.execute(.initialize, parameters: configuration).succeeded)
        let answered = Box<Int>()
        pims.get(api: "pims.sdk.version") { _ in
            let message = try? pims.execute(.initialize, parameters: configuration)
            answered.put(message?.error?.code ?? 0)
        }
        XCTAssertEqual(try answered.take(), 2007)
    }

    func testNoTextOfAMessageShowsWhatItHolds() async throws {
        _ = try await enrolledDevice()
        let answered = Box<Message>()
        pims.get(api: "pims.authentication.otp", parameters: ["action": "withPIN", "pinCode": .string(pin)]) { answered.put($0) }
        let message = try answered.take()
        let password = try XCTUnwrap(message["result"]?["otp"]?.stringValue)
        var dumped = ""
        dump(message, to: &dumped)
        for text in ["\(message)", String(reflecting: message), dumped] {
            XCTAssertFalse(text.contains(password), text)
            XCTAssertTrue(text.contains("SUCCEEDED"), text)
        }
        XCTAssertEqual(Message(["status": "FAILED", "error": ["code": 2308, "label": "inwebo: access refused"]]).description, "Message(FAILED 2308)")
    }

    func testEveryErrorSaysWhatItIs() {
        for error: any Error in [Refusal.tooLong, Refusal.queueFull, Refusal.noFacade, Refusal.embeddedNul, Refusal.notJSON, Refusal.wrongABI, Refusal.other(-9)] {
            XCTAssertTrue(error.localizedDescription.hasPrefix("The "), error.localizedDescription)
        }
        XCTAssertTrue(UnexpectedMessage().localizedDescription.hasPrefix("The library"))
        XCTAssertTrue(Refusal.other(-9).localizedDescription.contains("-9"))
    }

    func testWrongPINsAreToldWithTheNextRightOne() async throws {
        let wrong = Box<WrongPins>()
        _ = try await enrolledDevice()
        let device = StrongAuthentication(onWrongPins: { wrong.put($0) })
        await assertFails(2308) { _ = try await device.otp(pin: "9999") }
        let before = Date()
        _ = try await device.otp(pin: pin)
        let told = try wrong.take()
        XCTAssertEqual(told.count, 1)
        XCTAssertLessThanOrEqual(told.since, before)
        _ = try await device.otp(pin: pin)
        XCTAssertTrue(wrong.isEmpty)
        let info: JSON = ["wrongPinsSince": ["count": 4, "since": 1_700_000_000_000]]
        let expected = Date(timeIntervalSince1970: 1_700_000_000)
        XCTAssertEqual(Message(["status": "SUCCEEDED", "result": .null, "info": info]).wrongPinsSince?.since, expected)
        let failed = Message(["status": "FAILED", "error": ["code": 2308, "label": "", "info": info]])
        XCTAssertEqual(failed.wrongPinsSince, failed.error?.wrongPinsSince)
        XCTAssertEqual(failed.wrongPinsSince?.count, 4)
        XCTAssertNil(Message(["status": "SUCCEEDED", "result": .null]).wrongPinsSince)
    }

    func testOnlyASuccessOrAnEventHasAResult() throws {
        XCTAssertEqual(try Message(["status": "SUCCEEDED", "result": .null]).get(), .null)
        XCTAssertEqual(try Message(["status": "RESULT", "result": [1]]).get(), [1])
        XCTAssertThrowsError(try Message(["status": "FAILED", "error": ["code": 2308, "label": ""]]).get()) { XCTAssertTrue($0 is PimsError) }
        for unexpected: JSON in [.null, ["status": "FAILED"], ["status": "SUCCEEDED"], ["status": "PERHAPS", "result": 1]] {
            XCTAssertThrowsError(try Message(unexpected).get(), unexpected.text) { XCTAssertTrue($0 is UnexpectedMessage) }
        }
    }

    func testTheVersionIsTheLibrarys() async throws {
        try await pims.initialize(configuration: configuration)
        let told = try await pims.get(api: "pims.sdk.version")
        XCTAssertEqual(told["versionCore"]?.stringValue, pims.version)
    }
}
