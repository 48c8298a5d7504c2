//! The codes of `FAILED` messages, as constants of the header.

use crate::error::Code;

/// `Unknown error`
pub const PIMS_CODE_UNKNOWN: i32 = 2000;
/// `Facade not initialized`
pub const PIMS_CODE_NOT_INITIALIZED: i32 = 2001;
/// `API not supported`
pub const PIMS_CODE_NOT_SUPPORTED: i32 = 2002;
/// `[Component] not loaded`
pub const PIMS_CODE_NOT_LOADED: i32 = 2003;
/// `Configuration file invalid`
pub const PIMS_CODE_CONFIGURATION_INVALID: i32 = 2004;
/// `Duplicate command`
pub const PIMS_CODE_DUPLICATE: i32 = 2005;
/// `Core not well configured`
pub const PIMS_CODE_CORE_NOT_CONFIGURED: i32 = 2006;
/// `Facade already initialized`
pub const PIMS_CODE_ALREADY_INITIALIZED: i32 = 2007;
/// `Missing [PARAMETER] parameter`
pub const PIMS_CODE_MISSING_PARAMETER: i32 = 2101;
/// `Invalid [PARAMETER] parameter`
pub const PIMS_CODE_INVALID_PARAMETER: i32 = 2102;
/// `Timeout`
pub const PIMS_CODE_TIMEOUT: i32 = 2201;
/// `Network problem : No internet`
pub const PIMS_CODE_NO_INTERNET: i32 = 2202;
/// `Invalid return`
pub const PIMS_CODE_INVALID_RETURN: i32 = 2203;
/// `Server Error`
pub const PIMS_CODE_SERVER_ERROR: i32 = 2204;
/// `Certificat pinning failed`
pub const PIMS_CODE_PINNING_FAILED: i32 = 2208;
/// `Need Basic Authentication (to get CVS token)`
pub const PIMS_CODE_NEED_AUTHENTICATION: i32 = 2301;
/// `Need Strong Authentication`
pub const PIMS_CODE_NEED_STRONG_AUTHENTICATION: i32 = 2302;
/// `The sms code is invalid`
pub const PIMS_CODE_CODE_INVALID: i32 = 2305;
/// `The sms code is expired`
pub const PIMS_CODE_CODE_EXPIRED: i32 = 2306;
/// `User dont have a phone number`
pub const PIMS_CODE_NO_PHONE_NUMBER: i32 = 2307;
/// `inwebo: access refused`
pub const PIMS_CODE_ACCESS_REFUSED: i32 = 2308;
/// `inwebo: version error`
pub const PIMS_CODE_VERSION_ERROR: i32 = 2309;
/// `inwebo: account is blocked`
pub const PIMS_CODE_ACCOUNT_BLOCKED: i32 = 2310;
/// `inwebo: internal state not correct`
pub const PIMS_CODE_WRONG_STATE: i32 = 2311;
/// `inwebo: device is disabled or unknown`
pub const PIMS_CODE_DEVICE_UNKNOWN: i32 = 2312;
/// `inwebo: User must activate inWebo helium or inWebo Desktop Token before achieving this operation`
pub const PIMS_CODE_NEEDS_OTHER_TOOL: i32 = 2313;
/// `inwebo: No service is available`
pub const PIMS_CODE_NO_SERVICE: i32 = 2314;
/// `inwebo: the new password equals the previous one`
pub const PIMS_CODE_PIN_REUSED: i32 = 2315;
/// `inwebo: the operation succeeded but it required a post-synchronization which failed`
pub const PIMS_CODE_POST_SYNCHRONIZATION: i32 = 2316;
/// `inwebo: forbidden operation (due to activated state/blocked state/upgradable state)`
pub const PIMS_CODE_FORBIDDEN: i32 = 2317;
/// `[Component] not configured`
pub const PIMS_CODE_NOT_CONFIGURED: i32 = 2344;
/// `[Method] is deprecated since [version]`
pub const PIMS_CODE_DEPRECATED: i32 = 2350;
/// `Phone number allready registered`
pub const PIMS_CODE_PHONE_NUMBER_REGISTERED: i32 = 2390;

/// A check that the numbers are those of the catalogue: cbindgen reads numbers alone.
const _: () = {
    assert!(PIMS_CODE_UNKNOWN == Code::Unknown as i32);
    assert!(PIMS_CODE_NOT_INITIALIZED == Code::NotInitialized as i32);
    assert!(PIMS_CODE_NOT_SUPPORTED == Code::NotSupported as i32);
    assert!(PIMS_CODE_NOT_LOADED == Code::NotLoaded as i32);
    assert!(PIMS_CODE_CONFIGURATION_INVALID == Code::ConfigurationInvalid as i32);
    assert!(PIMS_CODE_DUPLICATE == Code::Duplicate as i32);
    assert!(PIMS_CODE_CORE_NOT_CONFIGURED == Code::CoreNotConfigured as i32);
    assert!(PIMS_CODE_ALREADY_INITIALIZED == Code::AlreadyInitialized as i32);
    assert!(PIMS_CODE_MISSING_PARAMETER == Code::MissingParameter as i32);
    assert!(PIMS_CODE_INVALID_PARAMETER == Code::InvalidParameter as i32);
    assert!(PIMS_CODE_TIMEOUT == Code::Timeout as i32);
    assert!(PIMS_CODE_NO_INTERNET == Code::NoInternet as i32);
    assert!(PIMS_CODE_INVALID_RETURN == Code::InvalidReturn as i32);
    assert!(PIMS_CODE_SERVER_ERROR == Code::ServerError as i32);
    assert!(PIMS_CODE_PINNING_FAILED == Code::PinningFailed as i32);
    assert!(PIMS_CODE_NEED_AUTHENTICATION == Code::NeedAuthentication as i32);
    assert!(PIMS_CODE_NEED_STRONG_AUTHENTICATION == Code::NeedStrongAuthentication as i32);
    assert!(PIMS_CODE_CODE_INVALID == Code::CodeInvalid as i32);
    assert!(PIMS_CODE_CODE_EXPIRED == Code::CodeExpired as i32);
    assert!(PIMS_CODE_NO_PHONE_NUMBER == Code::NoPhoneNumber as i32);
    assert!(PIMS_CODE_ACCESS_REFUSED == Code::AccessRefused as i32);
    assert!(PIMS_CODE_VERSION_ERROR == Code::VersionError as i32);
    assert!(PIMS_CODE_ACCOUNT_BLOCKED == Code::AccountBlocked as i32);
    assert!(PIMS_CODE_WRONG_STATE == Code::WrongState as i32);
    assert!(PIMS_CODE_DEVICE_UNKNOWN == Code::DeviceUnknown as i32);
    assert!(PIMS_CODE_NEEDS_OTHER_TOOL == Code::NeedsOtherTool as i32);
    assert!(PIMS_CODE_NO_SERVICE == Code::NoService as i32);
    assert!(PIMS_CODE_PIN_REUSED == Code::PinReused as i32);
    assert!(PIMS_CODE_POST_SYNCHRONIZATION == Code::PostSynchronization as i32);
    assert!(PIMS_CODE_FORBIDDEN == Code::Forbidden as i32);
    assert!(PIMS_CODE_NOT_CONFIGURED == Code::NotConfigured as i32);
    assert!(PIMS_CODE_DEPRECATED == Code::Deprecated as i32);
    assert!(PIMS_CODE_PHONE_NUMBER_REGISTERED == Code::PhoneNumberRegistered as i32);
};
