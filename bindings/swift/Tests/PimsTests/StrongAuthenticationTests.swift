import Pims
import XCTest

final class StrongAuthenticationTests: FolderTestCase {
    func testADeviceIsEnrolledStepByStepAndLives() async throws {
        try await pims.initialize(configuration: configuration)
        let device = StrongAuthentication()
        try await device.setAccessToken("token")
        var isActivated = try await device.isActivated()
        XCTAssertFalse(isActivated)
        await assertFails(2307) { _ = try await device.trustedPhoneNumber() }
        try await device.requestPhoneNumberCode("+33 6 87 65 43 21")
        try await device.addPhoneNumber("+33 6 87 65 43 21", smsCode: smsCode())
        try await device.requestPhoneNumberCode(phoneNumber)
        try await device.modifyPhoneNumber(phoneNumber, smsCode: smsCode())
        let number = try await device.trustedPhoneNumber()
        XCTAssertEqual(number, phoneNumber)

        try await device.requestEnrollmentCode()
        let status = try await device.acceptEnrollmentCode(smsCode())
        XCTAssertEqual(status, .notEnrolled)
        try await device.enroll(pin: pin)
        isActivated = try await device.isActivated()
        XCTAssertTrue(isActivated)

        try await device.changePIN(from: pin, to: "4321")
        await assertFails(2315) { try await device.changePIN(from: "4321", to: "4321") }
        let password = try await device.otp(pin: "4321")
        let verified = try await pims.set(api: "pims.authority.otp", parameters: ["action": "verify", "otp": .string(password)])
        XCTAssertEqual(verified, ["verified": true])
        await assertFails(2308) { _ = try await device.otpWithoutPIN() }
        try await device.removeEnrollments()
        await assertFails(2317) { _ = try await device.otp(pin: "4321") }
    }

    func testTheDevicesOfTheAccountAreListedRenamedAndRemoved() async throws {
        let device = try await enrolledDevice()
        let devices = try await device.devices()
        XCTAssertEqual(devices.count, 1)
        let own = try XCTUnwrap(devices.first)
        XCTAssertTrue(own.thisDevice)
        XCTAssertNil(own.keystore)
        XCTAssertLessThanOrEqual(own.since, try XCTUnwrap(own.lastUsed))
        await assertFails(2101) { try await device.renameDevice(own.deviceId, to: "Car") }
        try await device.renameDevice(own.deviceId, to: "Zoë’s 🚗", pin: pin)
        let renamed = try await device.devices()
        XCTAssertEqual(renamed.first?.name, "Zoë’s 🚗")
        try await device.removeDevice(own.deviceId, pin: pin)
        let isActivated = try await device.isActivated()
        XCTAssertFalse(isActivated)
        await assertFails(2102) { try await device.removeDevice(own.deviceId) }
    }

    func testABlockedAccountGetsANewPINBySMS() async throws {
        let device = try await enrolledDevice()
        for _ in 0..<4 { await assertFails(2308) { _ = try await device.otp(pin: "9999") } }
        await assertFails(2310) { _ = try await device.otp(pin: "9999") }
        var state = try await device.accountState()
        XCTAssertEqual(state, .pinBlocked)
        try await device.requestResetCode()
        try await device.resetPIN(to: "4321", smsCode: smsCode())
        state = try await device.accountState()
        XCTAssertEqual(state, .notBlocked)
        _ = try await device.otp(pin: "4321")
    }
}
