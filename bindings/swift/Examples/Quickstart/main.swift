import Foundation
import Pims

/// The code of the last SMS. The service that the library embeds writes them to a file.
func smsCode() throws -> String {
    let outbox = try String(contentsOfFile: "state/sms-outbox.jsonl", encoding: .utf8)
    let message = outbox.split(separator: "\n").last.flatMap { JSON(text: String($0)) }
    return message?["code"]?.stringValue ?? ""
}

let phoneNumber = "+33612345678"
let pin = "1234"
try await pims.initialize(configuration: ["storage": ["path": "state"]])
let device = StrongAuthentication()
do {
    if try await !device.isActivated() {
        try await device.requestPhoneNumberCode(phoneNumber)
        try await device.enrollWithPhoneNumber(phoneNumber, pin: pin, smsCode: smsCode())
    }
    print(try await device.otp(pin: pin))
} catch let error as PimsError {
    print(error.localizedDescription, error.attemptsLeft ?? "")
}
pims.free()
