@testable import Pims
import XCTest

final class JSONTests: XCTestCase {
    func testEveryKindOfValueReadsBackAsItWasWritten() throws {
        let value: JSON = [
            "null": .null, "true": true, "false": false, "integer": -9_223_372_036_854_775_808, "fraction": 1000.0, "small": 1e-7,
            "large": 1.7976931348623157e308, "text": "é 漢 \u{1F600} \u{0}\u{1F}\"\\/\u{2028}\n", "": [[], [:], [1, [.null]]],
        ]
        XCTAssertEqual(JSON(text: value.text), value)
        XCTAssertEqual(JSON.fraction(1000).text, "1000.0")
        XCTAssertEqual(JSON.integer(1000).text, "1000")
        XCTAssertEqual(JSON.string("\u{0}\n\"").text, #""\u0000\u000a\"""#)
    }

    func testAValueThatJSONCannotSayIsRefusedByEveryCall() async throws {
        for value: JSON in [.fraction(.nan), .fraction(.infinity), .wholeNumber("1e3"), .wholeNumber(""), .wholeNumber("-"), .wholeNumber("01")] {
            let parameters: [String: JSON] = ["a": [["b": value]]]
            let called: @Sendable (Message) -> Void = { XCTFail("\($0)") }
            XCTAssertEqual(pims.get(api: "pims.sdk.version", parameters: parameters, callback: called), .notJSON)
            XCTAssertEqual(pims.set(api: "pims.sdk.configuration", parameters: parameters, callback: called), .notJSON)
            XCTAssertEqual(pims.subscribe(api: "pims.authentication.account", parameters: parameters, callback: called), .notJSON)
            XCTAssertEqual(pims.unsubscribe(api: "pims.authentication.account", parameters: parameters, callback: called), .notJSON)
            XCTAssertEqual(pims.initialize(configuration: parameters, callback: called), .notJSON)
            XCTAssertThrowsError(try pims.execute(.get, api: "pims.sdk.version", parameters: parameters)) {
                XCTAssertEqual($0 as? Refusal, .notJSON)
            }
            do {
                try await pims.get(api: "pims.sdk.version", parameters: parameters)
                XCTFail("it succeeds")
            } catch {
                XCTAssertEqual(error as? Refusal, .notJSON)
            }
            XCTAssertEqual(JSON.array([value]).text, "[null]")
        }
    }

    func testIntegersAndFractionsStayApart() {
        XCTAssertEqual(JSON(text: "[1, 1.0, 1e0, -0, true]"), [1, 1.0, 1.0, 0, true])
        XCTAssertNotEqual(JSON(text: "1.0"), JSON.integer(1))
        XCTAssertNotEqual(JSON(text: "1"), true)
        // Beyond 64 bits each digit is kept.
        for digits in ["9223372036854775808", "-9223372036854775809", "18446744073709551616", String(repeating: "7", count: 400)] {
            XCTAssertEqual(JSON(text: digits), .wholeNumber(digits))
            XCTAssertEqual(JSON.wholeNumber(digits).text, digits)
        }
        XCTAssertEqual(JSON(text: "9223372036854775807"), .integer(.max))
        XCTAssertNil(JSON(text: "1e400"))
        XCTAssertNil(JSON(text: "[-1.0e999]"))
    }

    func testATextOfAnyLengthIsWrittenWhole() {
        for count in [0, 250, 253, 254, 255, 256, 300, 5000] {
            let text = String(repeating: "é\n", count: count)
            XCTAssertEqual(JSON(text: JSON.string(text).text), .string(text))
            let secret = SecretText()
            secret.append(text)
            XCTAssertEqual(secret.string, text)
            XCTAssertEqual(secret.withCString { String(cString: $0) }, text)
        }
    }

    func testASecretTextIsWipedWhenItGrowsAndAtItsEnd() {
        let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: 8)
        defer { bytes.deallocate() }
        bytes.initialize(repeating: 7, count: 8)
        wipe(bytes, 8)
        XCTAssertEqual(Array(UnsafeBufferPointer(start: bytes, count: 8)), [0, 0, 0, 0, 0, 0, 0, 0])
    }

    func testAPrintedValueShowsNoSecret() {
        let value: JSON = [
            "otp": "47nckoxb", "list": [["pinCode": "47nckoxb", "oldPIN": 47, "newPIN": "47nckoxb"]], "smsCode": "47nckoxb",
            "storage": ["key": "47nckoxb", "path": "shown"], "account": ["accessToken": "47nckoxb"], "token": "47nckoxb", "code": "47nckoxb",
            "error": ["code": 2308, "label": "shown"],
        ]
        var dumped = ""
        dump(value, to: &dumped)
        for text in ["\(value)", String(reflecting: value), dumped, String(describing: Optional(value)), "\([value])"] {
            XCTAssertFalse(text.contains("47"), text)
            XCTAssertTrue(text.contains("shown") && text.contains("2308") && text.contains("otp"), text)
        }
        XCTAssertTrue(value.text.contains("47nckoxb"))
    }

    func testEscapesAreRead() {
        XCTAssertEqual(JSON(text: #" "\ud83d\ude00\u00e9\b\f\n\r\t\/\\\"" "#), .string("\u{1F600}é\u{8}\u{c}\n\r\t/\\\""))
        XCTAssertEqual(JSON(text: "{\"a\":1,\"a\":2}"), ["a": 2])
    }

    func testWhatIsNoJSONIsNotRead() {
        for text in [
            "", " ", "{", "[1,]", "{\"a\"}", "{\"a\":1,}", "{a:1}", "01", "1.", ".5", "+1", "1e", "-", "nul", "tru", "\"", "\"\n\"", "\"\\x\"",
            "\"\\u12\"", "\"\\ud83d\"", "\"\\ud83dx\"", "\"\\ude00\"", "1 2", "[1}", String(repeating: "[", count: 200),
            String(repeating: "[", count: 129) + String(repeating: "]", count: 129),
        ] {
            XCTAssertNil(JSON(text: text), text)
        }
        XCTAssertNotNil(JSON(text: String(repeating: "[", count: 128) + String(repeating: "]", count: 128)))
    }

    func testMembersAndElementsAreFoundOrNot() {
        let value: JSON = ["a": ["b": [1, "two", .null]]]
        XCTAssertEqual(value["a"]?["b"]?[1], "two")
        XCTAssertEqual(value["a"]?["b"]?[2], .null)
        XCTAssertNil(value["a"]?["b"]?[3])
        XCTAssertNil(value["a"]?["b"]?[-1])
        XCTAssertNil(value["a"]?["c"])
        XCTAssertTrue(value["a"]?["c"] == nil)
        XCTAssertFalse(value["a"]?["b"]?[2] == nil)
        XCTAssertNil(value[0])
        XCTAssertEqual(value["a"]?["b"]?[0]?.doubleValue, 1)
    }
}
