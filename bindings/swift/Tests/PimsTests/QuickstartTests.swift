import Foundation
import XCTest

final class QuickstartTests: XCTestCase {
    func testThePageShowsTheProgramThatIsBuilt() throws {
        let page = try String(contentsOf: repository.appendingPathComponent("docs/quickstart-swift.md"), encoding: .utf8)
        let program = try String(
            contentsOf: repository.appendingPathComponent("bindings/swift/Examples/Quickstart/main.swift"), encoding: .utf8)
        XCTAssertTrue(page.contains("```swift\n\(program)```\n"))
    }
}
