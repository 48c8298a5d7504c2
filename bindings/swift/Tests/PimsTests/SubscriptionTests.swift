import XCTest

@testable import Pims

private let account = "pims.authentication.account"
private let isDeviceActivated: [String: JSON] = ["actionType": "strong", "type": "isDeviceActivated"]

final class SubscriptionTests: FolderTestCase {
    override func tearDownWithError() throws {
        try super.tearDownWithError()
        assertNoFeeds()
    }

    func testEventsComeUntilItIsEndedAndThenNone() async throws {
        let device = try await enrolledDevice()
        let told = Box<Message>()
        XCTAssertNil(pims.subscribe(api: account, parameters: isDeviceActivated) { told.put($0) })
        XCTAssertTrue(try told.take().succeeded)
        try await device.removeEnrollments()
        let event = try told.take()
        XCTAssertEqual(event.status, .result)
        XCTAssertEqual(event["result"], ["isDeviceActivated": false])

        try await pims.unsubscribe(api: account, parameters: isDeviceActivated)
        XCTAssertEqual(Feeds.shared.count, 0)
        try await device.requestEnrollmentCode()
        try await device.enroll(pin: pin, smsCode: smsCode())
        XCTAssertTrue(told.isEmpty)
    }

    func testASecondSubscriptionFailsAndTheFirstGoesOn() async throws {
        let device = try await enrolledDevice()
        let first = Box<Message>()
        let second = Box<Message>()
        pims.subscribe(api: account, parameters: isDeviceActivated) { first.put($0) }
        pims.subscribe(api: account, parameters: isDeviceActivated) { second.put($0) }
        XCTAssertTrue(try first.take().succeeded)
        XCTAssertEqual(try second.take().error?.code, 2005)
        try await device.removeEnrollments()
        XCTAssertEqual(try first.take().status, .result)
        XCTAssertTrue(second.isEmpty)
    }

    func testAStreamBringsEventsAndEndsWithTheFacade() async throws {
        let device = try await enrolledDevice()
        let changes = try await device.changes()
        await assertFails(2005) { _ = try await device.changes() }
        try await device.removeEnrollments()
        var iterator = changes.makeAsyncIterator()
        let event = await iterator.next()
        XCTAssertEqual(event, ["isDeviceActivated": false])
        pims.free()
        let end = await iterator.next()
        XCTAssertNil(end)
        await assertFails(2001) { _ = try await device.changes() }
    }

    func testChangesAreToldWithTypes() async throws {
        let device = try await enrolledDevice()
        let changes = try await device.accountChanges()
        var iterator = changes.makeAsyncIterator()
        try await device.removeEnrollments()
        let first = await iterator.next()
        XCTAssertEqual(first, .activated(false))
    }

    func testAStreamHoldsSoManyEventsAndDropsTheOldest() async throws {
        let device = try await enrolledDevice()
        let changes = try await pims.events(api: account, parameters: isDeviceActivated, limit: 2)
        for _ in 0..<3 {
            try await device.removeEnrollments()
            try await device.requestEnrollmentCode()
            try await device.enroll(pin: pin, smsCode: smsCode())
        }
        _ = try await pims.get(api: "pims.sdk.version")
        pims.free()
        var told: [JSON] = []
        for await event in changes { told.append(event) }
        XCTAssertEqual(told, [["isDeviceActivated": false], ["isDeviceActivated": true]])
    }

    func testASubscriptionThatIsCancelledOrLetGoMakesNoLaterOneADuplicate() async throws {
        let device = try await enrolledDevice()
        for round in 0..<1000 {
            let task = Task {
                for await _ in try await device.accountChanges() {}
            }
            // The task comes to different points: not begun, requested, acknowledged.
            for _ in 0..<(round % 20) { await Task.yield() }
            task.cancel()
            _ = await task.result
            _ = try await device.accountChanges()
        }
    }

    func testACancelledTaskThatStillWaitsForItsAcknowledgmentMakesNoLaterOneADuplicate() async throws {
        let device = try await enrolledDevice()
        for _ in 0..<100 {
            let entered = Box<Bool>()
            let released = Box<Bool>()
            pims.get(api: "pims.sdk.version") { _ in
                entered.put(true)
                _ = try? released.take()
            }
            XCTAssertTrue(try entered.take())
            let before = Feeds.shared.count
            let task = Task { _ = try await device.accountChanges() }
            while Feeds.shared.count == before { await Task.yield() }
            task.cancel()
            // The subscription is requested and has no acknowledgment yet: a callback holds the
            // library's thread.
            let told = Box<Message>()
            XCTAssertNil(pims.subscribe(api: account, parameters: isDeviceActivated) { told.put($0) })
            released.put(true)
            XCTAssertTrue(try told.take().succeeded)
            do {
                try await task.value
                XCTFail("it is not cancelled")
            } catch {
                XCTAssertTrue(error is CancellationError, "\(error)")
            }
            try await pims.unsubscribe(api: account)
        }
    }

    func testAStreamEndsWithItsUnsubscription() async throws {
        let device = try await enrolledDevice()
        let changes = try await device.changes()
        try await pims.unsubscribe(api: account)
        for await event in changes { XCTFail("\(event)") }
        _ = try await device.changes()
    }

    func testALoopThatIsLeftEndsItsSubscription() async throws {
        let device = try await enrolledDevice()
        func oneEvent() async throws {
            let changes = try await device.changes()
            try await device.removeEnrollments()
            for await event in changes {
                XCTAssertEqual(event, ["isDeviceActivated": false])
                break
            }
        }
        try await oneEvent()
        // The library keeps the order of calls: a new subscription is acknowledged after the old
        // one ended.
        let changes = try await device.changes()
        try await device.requestEnrollmentCode()
        try await device.enroll(pin: pin, smsCode: smsCode())
        for await event in changes {
            XCTAssertEqual(event, ["isDeviceActivated": true])
            break
        }
    }

    func testAStreamThatHasEndedIsLetGoWithoutEndingTheNextSubscription() async throws {
        let device = try await enrolledDevice()
        let told = Box<Message>()
        func replaceAStream() async throws {
            let changes = try await device.changes()
            try await pims.unsubscribe(api: account)
            pims.subscribe(api: account, parameters: isDeviceActivated) { told.put($0) }
            XCTAssertTrue(try told.take().succeeded)
            withExtendedLifetime(changes) {}
        }
        try await replaceAStream()
        try await device.removeEnrollments()
        XCTAssertEqual(try told.take().status, .result)
    }

    func testAStreamThatIsLetGoWhileTheQueueIsFullEndsOnceItTakesCallsAgain() async throws {
        let device = try await enrolledDevice()
        let entered = Box<Bool>()
        let released = Box<Bool>()
        func fillTheQueueAndLetAStreamGo() async throws {
            let changes = try await device.changes()
            pims.get(api: "pims.sdk.version") { _ in
                entered.put(true)
                _ = try? released.take()
            }
            XCTAssertTrue(try entered.take())
            var refusal: Refusal?
            while refusal == nil { refusal = pims.get(api: "pims.sdk.version", callback: { _ in }) }
            XCTAssertEqual(refusal, .queueFull)
            withExtendedLifetime(changes) {}
        }
        try await fillTheQueueAndLetAStreamGo()
        released.put(true)
        let told = Box<Message>()
        while let refusal = pims.subscribe(api: account, parameters: isDeviceActivated, callback: { told.put($0) }) {
            XCTAssertEqual(refusal, .queueFull)
        }
        XCTAssertTrue(try told.take().succeeded)
    }

    func testASubscriptionOfAFacadeThatIsGoneDoesNotEndThatOfTheNext() async throws {
        let device = try await enrolledDevice()
        let old = try await device.changes()
        pims.free()
        try await pims.initialize(configuration: configuration)
        let told = Box<Message>()
        pims.subscribe(api: account, parameters: isDeviceActivated) { told.put($0) }
        XCTAssertTrue(try told.take().succeeded)
        for await event in old { XCTFail("\(event)") }
        try await device.removeEnrollments()
        XCTAssertEqual(try told.take().status, .result)
    }
}
