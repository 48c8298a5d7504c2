import Pims
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

    func testWhatIsNoNumberInJSONIsNull() {
        XCTAssertEqual(JSON.array([.fraction(.nan), .fraction(.infinity)]).text, "[null,null]")
    }

    func testIntegersAndFractionsStayApart() {
        XCTAssertEqual(JSON(text: "[1, 1.0, 1e0, -0, true]"), [1, 1.0, 1.0, 0, true])
        XCTAssertNotEqual(JSON(text: "1.0"), JSON.integer(1))
        XCTAssertNotEqual(JSON(text: "1"), true)
        // Beyond 64 bits, as near as it can be said.
        XCTAssertEqual(JSON(text: "18446744073709551616"), .fraction(18_446_744_073_709_551_616))
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
