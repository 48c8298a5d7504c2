/// A code of the catalogue, see docs/guide-errors.md: `error.known == .accessRefused`, or
/// `switch error.known { case .accessRefused: … }`.
public enum PimsCode: Int, CaseIterable, Sendable {
    case unknown = 2000
    case notInitialized = 2001
    case notSupported = 2002
    case notLoaded = 2003
    case configurationInvalid = 2004
    case duplicate = 2005
    case coreNotConfigured = 2006
    case alreadyInitialized = 2007
    case missingParameter = 2101
    case invalidParameter = 2102
    case timeout = 2201
    case noInternet = 2202
    case invalidReturn = 2203
    case serverError = 2204
    case pinningFailed = 2208
    case needAuthentication = 2301
    case needStrongAuthentication = 2302
    case codeInvalid = 2305
    case codeExpired = 2306
    case noPhoneNumber = 2307
    case accessRefused = 2308
    case versionError = 2309
    case accountBlocked = 2310
    case wrongState = 2311
    case deviceUnknown = 2312
    case needsOtherTool = 2313
    case noService = 2314
    case pinReused = 2315
    case postSynchronization = 2316
    case forbidden = 2317
    case notConfigured = 2344
    case deprecated = 2350
    case phoneNumberRegistered = 2390
}

/// The next step that the caller can take, see docs/guide-errors.md.
public enum NextAction: String, CaseIterable, Sendable {
    case retryPin
    case requestSmsCode
    case removeEnrollments
    case removeDevice
    case resetPin
    case authenticate
    case update
    case enroll
}
