import Foundation
import XCTest

@testable import Pims

private let account = "pims.authentication.account"
private let isDeviceActivated: [String: JSON] = ["actionType": "strong", "type": "isDeviceActivated"]
private let otherPIN = "2468"

/// Several sessions at once: each has its own account, storage, queue and thread.
final class SessionTests: FolderTestCase {
    override func tearDownWithError() throws {
        try super.tearDownWithError()
        assertNoFeeds()
    }

    private func open(_ name: String) async throws -> Session {
        try await Session.open(configuration: ["storage": ["path": .string(folder + "/" + name)]])
    }

    private func enroll(_ session: Session, _ name: String, pin: String) async throws {
        let device = StrongAuthentication(session)
        try await device.requestPhoneNumberCode(phoneNumber)
        try await device.enrollWithPhoneNumber(phoneNumber, pin: pin, smsCode: lastCode(in: folder + "/" + name))
    }

    private func assertRefused(line: UInt = #line, _ body: () async throws -> Void) async {
        do {
            try await body()
            XCTFail("it is accepted", line: line)
        } catch {
            XCTAssertEqual(error as? Refusal, .noFacade, "\(error)", line: line)
        }
    }

    private func assertClosed(_ session: Session) async {
        let told = Box<Message>()
        XCTAssertEqual(session.get(api: "pims.sdk.version") { told.put($0) }, .noFacade)
        XCTAssertEqual(session.set(api: "pims.sdk.version") { told.put($0) }, .noFacade)
        XCTAssertEqual(session.subscribe(api: account, parameters: isDeviceActivated) { told.put($0) }, .noFacade)
        XCTAssertEqual(session.unsubscribe(api: account) { told.put($0) }, .noFacade)
        XCTAssertThrowsError(try session.execute(.get, api: "pims.sdk.version")) { XCTAssertEqual($0 as? Refusal, .noFacade) }
        await assertRefused { try await session.get(api: "pims.sdk.version") }
        await assertRefused { _ = try await session.events(api: account, parameters: isDeviceActivated) }
        await assertRefused { _ = try await StrongAuthentication(session).isActivated() }
        XCTAssertTrue(told.isEmpty)
    }

    func testTwoAccountsWorkAtOnceAndKnowNothingOfEachOther() async throws {
        let (one, other) = (try await open("one"), try await open("other"))
        try await enroll(one, "one", pin: pin)
        let (device, otherDevice) = (StrongAuthentication(one), StrongAuthentication(other))
        var isActivated = try await device.isActivated()
        XCTAssertTrue(isActivated)
        isActivated = try await otherDevice.isActivated()
        XCTAssertFalse(isActivated)
        try await enroll(other, "other", pin: otherPIN)
        _ = try await device.otp(pin: pin)
        _ = try await otherDevice.otp(pin: otherPIN)
        await assertFails(2308) { _ = try await otherDevice.otp(pin: pin) }
        // No session is the default facade.
        await assertFails(2001) { try await pims.get(api: "pims.sdk.version") }
        one.close()
        await assertRefused { _ = try await device.otp(pin: pin) }
        _ = try await otherDevice.otp(pin: otherPIN)
        // The storage of the closed one is free.
        isActivated = try await StrongAuthentication(open("one")).isActivated()
        XCTAssertTrue(isActivated)
    }

    /// Opens a device of an account whose new devices need an approval.
    private func ofOneAccount(_ name: String) async throws -> Session {
        try await Session.open(configuration: [
            "storage": ["path": .string(folder + "/" + name)],
            "account": ["username": "jane"],
            "embedded": [
                "database": .string(folder + "/authority.db"),
                "policy": ["activationApproval": true, "deviceNotices": true],
            ],
        ])
    }

    /// Enrolls a device, which then waits. Returns its number.
    private func waits(_ device: StrongAuthentication, _ name: String) async throws -> String {
        try await device.requestEnrollmentCode()
        try await device.enroll(pin: pin, smsCode: lastCode(in: folder + "/" + name))
        let own = try await device.approval()
        XCTAssertEqual(own.state, .waiting)
        return try XCTUnwrap(own.number)
    }

    func testANewDeviceIsApprovedByAnotherOneAndItsChangesAreNotices() async throws {
        let (session, other) = (try await ofOneAccount("old"), try await ofOneAccount("new"))
        let (old, new) = (StrongAuthentication(session), StrongAuthentication(other))
        try await enroll(session, "old", pin: pin)
        let nobody = try await old.approval()
        XCTAssertEqual(nobody.state, StrongAuthentication.ApprovalState.none)
        XCTAssertNil(nobody.deviceId)
        let number = try await waits(new, "new")
        await assertFails(2311) { _ = try await new.otp(pin: pin) }
        let asked = try await old.approval()
        XCTAssertEqual(asked.state, .asked)
        XCTAssertNil(asked.number)
        XCTAssertTrue((1...300).contains(try XCTUnwrap(asked.lifetimeSeconds)))
        for await change in try await old.accountChanges(approval: true) {
            guard case .approval(let told) = change else { continue }
            XCTAssertEqual(told.deviceId, asked.deviceId)
            break
        }
        try await session.unsubscribe(api: account)
        try await old.approveNewDevice(deviceId: try XCTUnwrap(asked.deviceId), number: number, pin: pin)
        try await new.changePIN(from: pin, to: otherPIN)
        let notices = try await old.notices()
        XCTAssertEqual(notices.map(\.event), ["pinChange"])
        for await change in try await old.accountChanges(notices: true) {
            guard case .notices(let told) = change else { continue }
            XCTAssertEqual(told, notices)
            break
        }
    }

    func testANewDeviceEndsByAWrongNumberOrIsRejected() async throws {
        let (session, other) = (try await ofOneAccount("old"), try await ofOneAccount("new"))
        let (old, new) = (StrongAuthentication(session), StrongAuthentication(other))
        try await enroll(session, "old", pin: pin)
        let shown = try await waits(new, "new")
        let wrong = String(format: "%02d", (try XCTUnwrap(Int(shown)) + 1) % 100)
        let first = try await old.approval()
        await assertFails(2311) { try await old.approveNewDevice(deviceId: first.deviceId ?? "", number: wrong, pin: pin) }
        await assertFails(2312) { _ = try await new.otp(pin: pin) }
        _ = try await waits(new, "new")
        let second = try await old.approval()
        try await old.rejectNewDevice(try XCTUnwrap(second.deviceId))
        let state = try await old.accountState()
        XCTAssertEqual(state, .pinBlocked)
    }

    func testSessionsWorkBesideTheDefaultFacade() async throws {
        let session = try await open("other")
        let device = try await enrolledDevice()
        _ = try await device.otp(pin: pin)
        let isActivated = try await StrongAuthentication(session).isActivated()
        XCTAssertFalse(isActivated)
        XCTAssertEqual(try session.execute(.initialize).error?.code, 2002)
        pims.free()
        await assertFails(2001) { try await pims.get(api: "pims.sdk.version") }
        try await session.get(api: "pims.sdk.version")
    }

    func testASessionThatCannotBeOpenedThrowsAndLeavesTheOthersAlone() async throws {
        let one = try await open("one")
        await assertFails(2006) { _ = try await self.open("one") }
        await assertFails(2004) { _ = try await Session.open(configuration: ["storage": 5]) }
        XCTAssertThrowsError(try Session.openAndWait(configuration: ["storage": .fraction(.infinity)])) {
            XCTAssertEqual($0 as? Refusal, .notJSON)
        }
        try await one.get(api: "pims.sdk.version")
        let second = try Session.openAndWait(configuration: ["storage": ["path": .string(folder + "/second")]])
        XCTAssertTrue(try second.execute(.get, api: "pims.sdk.version").succeeded)
    }

    func testAClosedSessionRefusesEachCallAlsoWhereOthersWereOpenedSince() async throws {
        let session = try await open("one")
        session.close()
        session.close()
        await assertClosed(session)
        let next = try await open("one")
        await assertClosed(session)
        session.close()
        try await next.get(api: "pims.sdk.version")
    }

    func testEachSessionHasItsOwnSubscriptionAndEvents() async throws {
        let (one, other) = (try await open("one"), try await open("other"))
        let (events, second) = (Box<Message>(), Box<Message>())
        XCTAssertNil(one.subscribe(api: account, parameters: isDeviceActivated) { events.put($0) })
        XCTAssertTrue(try events.take().succeeded)
        let changes = try await StrongAuthentication(other).accountChanges()
        XCTAssertNil(one.subscribe(api: account, parameters: isDeviceActivated) { second.put($0) })
        XCTAssertEqual(try second.take().error?.code, 2005)
        try await enroll(other, "other", pin: otherPIN)
        var iterator = changes.makeAsyncIterator()
        let change = await iterator.next()
        XCTAssertEqual(change, .activated(true))
        XCTAssertTrue(events.isEmpty)
        // The end of one session, and of the default facade, ends no subscription of another one.
        try await pims.initialize(configuration: configuration)
        pims.free()
        one.close()
        XCTAssertEqual(Feeds.shared.count, 1)
        try await StrongAuthentication(other).removeEnrollments()
        let last = await iterator.next()
        XCTAssertEqual(last, .activated(false))
        other.close()
        var rest = 0
        while await iterator.next() != nil { rest += 1 }
        XCTAssertLessThanOrEqual(rest, 1)
    }

    func testASessionEndsWithItsLastReferenceAndNotBeforeItsCalls() async throws {
        let told = Box<Message>()
        func callAndLetGo() async throws {
            let session = try await open("one")
            XCTAssertNil(session.get(api: "pims.sdk.version") { told.put($0) })
        }
        try await callAndLetGo()
        XCTAssertTrue(try told.take().succeeded)
        func streamOfASessionThatNobodyElseHolds() async throws -> AsyncStream<JSON> {
            try await open("two").events(api: account, parameters: isDeviceActivated)
        }
        do {
            let stream = try await streamOfASessionThatNobodyElseHolds()
            await assertFails(2006) { _ = try await self.open("two") }
            withExtendedLifetime(stream) {}
        }
        // The storages are free when the sessions have ended.
        for name in ["one", "two"] {
            while true {
                do {
                    try await open(name).get(api: "pims.sdk.version")
                    break
                } catch let error as PimsError where error.code == 2006 {
                    await Task.yield()
                }
            }
        }
    }

    func testTwoCallbacksThatCloseEachOthersSessionDoNotWaitForEachOther() async throws {
        let (one, other) = (try await open("one"), try await open("other"))
        let (entered, otherEntered, closed) = (Box<Bool>(), Box<Bool>(), Box<Bool>())
        one.get(api: "pims.sdk.version") { _ in
            entered.put(true)
            _ = try? otherEntered.take()
            other.close()
            closed.put(true)
        }
        other.get(api: "pims.sdk.version") { _ in
            otherEntered.put(true)
            _ = try? entered.take()
            one.close()
            closed.put(true)
        }
        XCTAssertTrue(try closed.take() && closed.take())
    }

    func testThreadsThatCallWhileAnotherOneClosesGetAMessageOrARefusal() async throws {
        let session = try await open("one")
        let (begun, told) = (Box<Bool>(), Box<Int>())
        let accepted = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var accepted = 0
                    while true {
                        let refusal = session.get(api: "pims.sdk.version") { told.put($0.succeeded ? 0 : $0.error?.code ?? -1) }
                        switch refusal {
                        case nil: accepted += 1
                        case .queueFull: await Task.yield()
                        case .noFacade: return accepted
                        case let other: throw other ?? .notJSON
                        }
                        if accepted == 20 { begun.put(true) }
                    }
                }
            }
            for _ in 0..<4 { _ = try begun.take() }
            session.close()
            return try await group.reduce(0, +)
        }
        for _ in 0..<accepted {
            let code = try told.take()
            XCTAssertTrue(code == 0 || code == 2001, "\(code)")
        }
        XCTAssertTrue(told.isEmpty)
    }
}
