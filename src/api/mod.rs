//! The operations: one file for each api name, one row for each operation in [`ROUTES`].
//!
//! [`validate`] is pure. It takes the text of a call and returns a [`Task`], or the error of the
//! first check that fails in the reference's order. A task receives its part of the running library
//! when it runs: a [`View`], which no lock guards, or the [`Component`].

mod account;
mod approval;
#[cfg(feature = "embedded")]
mod authority;
mod devices;
mod enrollment;
mod enrollment_code;
mod failure;
mod notices;
mod otp;
mod pincode;
mod sdk;
mod smscode;
#[cfg(feature = "test-hooks")]
mod test_hooks;
mod token;
mod trustedphonenumber;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use zeroize::Zeroizing;

pub use account::{Answer, Ending, Question, Topics, approval_event, ask, ending, event, topics};
use failure::PIN_CODE;
pub use failure::{from_failure, from_failure_of_enrollment, from_failure_without_pin};
use failure::{from_failure_of_import, from_failure_of_own_mode};

use crate::config::{Config, DeviceConfig};
use crate::error::{Code, Error};
use crate::message::Outcome;
use crate::params::{Given, Params, Value};
use crate::strongauth::{Failure, StrongAuthentication};
use crate::transport::AccessToken;

/// Kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads data.
    Get,
    /// Changes data, or performs an action.
    Set,
    /// Starts a subscription to events.
    Subscribe,
    /// Ends a subscription.
    Unsubscribe,
}

impl Method {
    /// Returns its name in messages and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set => "set",
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
        }
    }
}

/// Values that are read without waiting for an operation. They are right after each operation.
#[derive(Default)]
pub struct View {
    activated: AtomicBool,
    configured: AtomicBool,
    device: RwLock<DeviceConfig>,
}

impl View {
    /// Takes the present values from the component and the configuration.
    pub fn update(&self, component: &Component, config: &Config) {
        let activated = component.strong.as_ref().is_some_and(|strong| strong.state().is_activated());
        self.configured.store(component.strong.is_some(), Ordering::Release);
        self.activated.store(activated, Ordering::Release);
        let is_same = *self.device.read().unwrap_or_else(PoisonError::into_inner) == config.device;
        if !is_same {
            *self.device.write().unwrap_or_else(PoisonError::into_inner) = config.device.clone();
        }
    }

    /// Returns the details of the device that the host gives.
    fn device(&self) -> DeviceConfig {
        self.device.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns 2344 if StrongAuthentication is not configured.
    pub fn configured(&self) -> Result<(), Error> {
        if self.configured.load(Ordering::Acquire) { Ok(()) } else { Err(not_configured()) }
    }
}

/// Parts of the library on which operations work.
pub struct Component {
    /// StrongAuthentication, if it is configured.
    pub strong: Option<StrongAuthentication>,
    /// The embedded authority, if it is the service.
    #[cfg(feature = "embedded")]
    pub authority: Option<std::sync::Arc<crate::transport::embedded::Embedded>>,
    /// The host application's access token.
    pub token: AccessToken,
}

impl Component {
    /// Creates a component without a service.
    pub fn new(token: AccessToken) -> Self {
        Self {
            strong: None,
            #[cfg(feature = "embedded")]
            authority: None,
            token,
        }
    }

    /// Takes the token out of a configuration, which does not keep it.
    pub fn take_token(&self, config: &mut Config) {
        if let Some(token) = config.access_token.take() {
            self.token.set(token);
        }
    }

    fn strong(&mut self) -> Result<&mut StrongAuthentication, Error> {
        self.strong.as_mut().ok_or_else(not_configured)
    }
}

/// Validated call.
pub enum Task {
    /// A call that needs the [`View`] alone.
    View(fn(&View) -> Outcome),
    /// A call that needs the component.
    Component(Box<dyn FnOnce(&mut Component) -> Outcome + Send>),
    /// A call with a new configuration for the facade.
    Configure(Zeroizing<String>),
}

impl Task {
    fn new(run: impl FnOnce(&mut Component) -> Outcome + Send + 'static) -> Result<Self, Error> {
        Ok(Self::Component(Box::new(run)))
    }
}

/// Parameter that selects an operation among those of its api and method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector {
    /// None: the api and method have one operation.
    Only,
    /// `action`.
    Action,
    /// `action` or `type`: the reference has one in its table and the other in its example.
    ActionOrType,
    /// `type`.
    Type,
    /// `type`, and `actionType` must be `strong`.
    StrongType,
}

/// Operation of the library.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The api's name.
    pub api: &'static str,
    /// The parameter that selects it.
    pub selector: Selector,
    /// Its value of the selector. The value is empty if there is no selector.
    pub operation: &'static str,
    validate: Validate,
}

/// Names of the parameters that an operation requires beside the selector, in the order of the
/// reference, and the function that validates them.
enum Validate {
    /// No parameters.
    None(fn() -> Result<Task, Error>),
    /// One parameter.
    One([&'static str; 1], fn([Given<'_>; 1]) -> Result<Task, Error>),
    /// Two parameters.
    Two([&'static str; 2], fn([Given<'_>; 2]) -> Result<Task, Error>),
    /// Three parameters.
    Three([&'static str; 3], fn([Given<'_>; 3]) -> Result<Task, Error>),
    /// Parameters of which the named ones are required.
    AtLeast(&'static [&'static str], fn(&Params<'_>) -> Result<Task, Error>),
    /// The text of the call as a whole, whose parameters are not those of a call.
    Text(fn(&str) -> Result<Task, Error>),
}

impl Route {
    /// Returns the names of the parameters that it requires beside the selector, in the order of
    /// the reference.
    pub fn parameters(&self) -> &[&'static str] {
        match &self.validate {
            Validate::None(_) | Validate::Text(_) => &[],
            Validate::One(names, _) => names,
            Validate::Two(names, _) => names,
            Validate::Three(names, _) => names,
            Validate::AtLeast(names, _) => names,
        }
    }

    /// Validates the parameters of a call. A missing one is reported before a wrong form.
    fn validate(&self, params: &Params<'_>, text: &str) -> Result<Task, Error> {
        match &self.validate {
            Validate::None(validate) => validate(),
            Validate::One(names, validate) => validate(params.require(*names)?),
            Validate::Two(names, validate) => validate(params.require(*names)?),
            Validate::Three(names, validate) => validate(params.require(*names)?),
            Validate::AtLeast(_, validate) => validate(params),
            Validate::Text(validate) => validate(text),
        }
    }
}

/// Every operation of the library.
pub const ROUTES: &[&[Route]] = &[
    sdk::ROUTES,
    account::ROUTES,
    devices::ROUTES,
    enrollment_code::ROUTES,
    notices::ROUTES,
    approval::ROUTES,
    otp::ROUTES,
    smscode::ROUTES,
    trustedphonenumber::ROUTES,
    enrollment::ROUTES,
    pincode::ROUTES,
    token::ROUTES,
    #[cfg(feature = "embedded")]
    authority::ROUTES,
    #[cfg(feature = "test-hooks")]
    test_hooks::ROUTES,
];

fn routes() -> impl Iterator<Item = &'static Route> + Clone {
    ROUTES.iter().flat_map(|routes| routes.iter())
}

/// Returns the name of an api, if it is known.
pub fn known_name(api: &str) -> Option<&'static str> {
    routes().find(|route| route.api == api).map(|route| route.api)
}

/// Runs the checks of a call that need no state: docs/api.md has their order.
pub fn validate(method: Method, api: &str, text: &str) -> Result<Task, Error> {
    let mut routes = routes();
    let Some(first) = routes.find(|route| route.api == api && route.method == method) else {
        return Err(not_supported(method, api));
    };
    let params = Params::read(text)?;
    // The routes of an api stand together.
    let others = routes.take_while(|route| route.api == first.api).filter(|route| route.method == method);
    let route = select(first, others, &params)?;
    route.validate(&params, text)
}

/// Returns the operation that the selector names: the first one of its api and method, or one of
/// the others.
fn select(
    first: &'static Route,
    others: impl Iterator<Item = &'static Route>,
    params: &Params<'_>,
) -> Result<&'static Route, Error> {
    let Route { method, api, .. } = *first;
    let (name, alias) = match first.selector {
        Selector::Only => return Ok(first),
        Selector::Action => ("action", None),
        Selector::ActionOrType => ("action", Some("type")),
        Selector::Type | Selector::StrongType => ("type", None),
    };
    let direct = params.get(name);
    let given = match (direct, alias) {
        (None, Some(alias)) => params.get(alias).ok_or_else(|| missing_selector(method, api, name, params))?,
        (None, None) => return Err(missing_selector(method, api, name, params)),
        (Some(given), _) => given,
    };
    let text = given.as_text().unwrap_or_default();
    let Some(route) = std::iter::once(first).chain(others).find(|route| route.operation == text) else {
        return Err(unknown_operation(method, api, name));
    };
    if direct.is_none() && route.selector != Selector::ActionOrType {
        return Err(missing_selector(method, api, name, params));
    }
    if route.selector == Selector::StrongType {
        strong_action_type(params)?;
    }
    Ok(route)
}

/// Makes 2101 for a selector. If the call has the other selector's name in its place, the detail
/// says so.
fn missing_selector(method: Method, api: &str, name: &'static str, params: &Params<'_>) -> Error {
    let error = Error::missing(name);
    let other = if name == "action" { "type" } else { "action" };
    match params.get(other) {
        Some(_) => error.with_detail(format!(
            "{} {} names its operation with \"{name}\", not with \"{other}\"",
            method.name(),
            known_name(api).unwrap_or("this api")
        )),
        None => error,
    }
}

/// Returns an error unless `actionType` is `strong`, the only value of this library.
fn strong_action_type(params: &Params<'_>) -> Result<(), Error> {
    match params.get("actionType").map(Value::as_text) {
        Some(Some("strong")) => Ok(()),
        Some(_) => Err(Error::invalid("actionType", "expected \"strong\"")),
        None => Err(Error::missing("actionType")),
    }
}

fn unknown_operation(method: Method, api: &str, name: &'static str) -> Error {
    let known = routes().filter(|route| route.api == api && route.method == method).map(|route| route.operation);
    let known: Vec<_> = known.map(|operation| format!("\"{operation}\"")).collect();
    Error::invalid(name, format!("expected one of {}", known.join(", ")))
}

/// Returns 2002 with the nearest known name.
fn not_supported(method: Method, api: &str) -> Error {
    let error = Error::new(Code::NotSupported);
    if let Some(route) = routes().find(|route| route.api == api) {
        return error.with_detail(format!(
            "{} is known with {}, not with {}",
            route.api,
            route.method.name(),
            method.name()
        ));
    }
    let nearest = routes().filter(|route| route.method == method).max_by_key(|route| shared_ends(api, route.api));
    match nearest {
        Some(route) => error.with_detail(format!("there is no such api; the nearest known name is {}", route.api)),
        None => error.with_detail("there is no such api"),
    }
}

/// Returns how many bytes two names share at their beginning and at their end. Mistyped names
/// mostly differ in one place.
fn shared_ends(one: &str, other: &str) -> usize {
    let shared = |pairs: &mut dyn Iterator<Item = (u8, u8)>| pairs.take_while(|(a, b)| a == b).count();
    shared(&mut one.bytes().zip(other.bytes())) + shared(&mut one.bytes().rev().zip(other.bytes().rev()))
}

fn not_configured() -> Error {
    Error::of_component(Code::NotConfigured, "StrongAuthentication").with_detail(
        "the configuration names no service that can be asked: it needs credential.macID and credential.inWeboURL",
    )
}

/// Converts the failure of an operation. If it has a PIN, its parameter is `pinCode`.
fn failed(failure: Failure) -> Error {
    from_failure(&failure, PIN_CODE)
}

/// Converts the failure of an enrollment.
fn of_enrollment(failure: Failure) -> Error {
    from_failure_of_enrollment(&failure)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(serde::Deserialize)]
    struct Api {
        operations: Vec<Operation>,
    }

    #[derive(serde::Deserialize)]
    struct Operation {
        method: String,
        api: String,
        operation: Option<String>,
        parameters: Vec<Parameter>,
    }

    #[derive(serde::Deserialize)]
    struct Parameter {
        name: String,
        required: bool,
        values: Option<Vec<String>>,
        alias: Option<String>,
    }

    fn reference() -> Vec<Operation> {
        serde_json::from_str::<Api>(include_str!("../../tests/spec/api.json")).unwrap().operations
    }

    fn method(name: &str) -> Method {
        if name == "get" { Method::Get } else { Method::Set }
    }

    #[test]
    fn the_routes_of_an_api_stand_together() {
        let mut seen: Vec<&str> = Vec::new();
        for route in routes() {
            if seen.last() != Some(&route.api) {
                assert!(!seen.contains(&route.api), "{} stands in two places", route.api);
                seen.push(route.api);
            }
        }
    }

    #[test]
    fn every_operation_of_the_reference_is_there() {
        for theirs in reference() {
            let method = method(&theirs.method);
            let operation = theirs.operation.as_deref().unwrap_or("");
            let ours = routes()
                .find(|route| route.method == method && route.api == theirs.api && route.operation == operation);
            match ours {
                // Its parameters are those of a configuration, none of which is required.
                Some(route) if route.api == "pims.sdk.configuration" => assert!(route.parameters().is_empty()),
                Some(route) => {
                    let selectors = ["action", "type", "actionType"];
                    let required = theirs.parameters.iter().filter(|parameter| parameter.required);
                    let names: Vec<_> =
                        required.map(|p| p.name.as_str()).filter(|name| !selectors.contains(name)).collect();
                    assert_eq!(route.parameters(), names, "{} {operation}", theirs.api);
                    let alias = theirs.parameters.iter().any(|p| p.alias.is_some());
                    assert_eq!(route.selector == Selector::ActionOrType, alias, "{} {operation}", theirs.api);
                    if let Some(selector) =
                        theirs.parameters.iter().find(|p| p.values.is_some() && p.name != "actionType")
                    {
                        assert_eq!(selector.values.as_deref().unwrap(), [operation]);
                    }
                }
                None => panic!("{} {operation} is missing", theirs.api),
            }
        }
    }

    fn code(method: Method, api: &str, text: &str) -> (u16, String) {
        match validate(method, api, text) {
            Ok(_) => (0, String::new()),
            Err(error) => (error.code() as u16, serde_json::to_string(&error).unwrap()),
        }
    }

    #[test]
    fn a_call_is_validated_in_the_order_of_the_reference() {
        use Method::{Get, Set};
        let enroll = "pims.authentication.enrollment";
        for (method, api, text, expected, part) in [
            (Get, "pims.nonsense", "not json", 2002, "nearest known name"),
            (Get, enroll, "not json", 2002, "known with set, not with get"),
            (Get, "pims.authentication.otb", "{}", 2002, "pims.authentication.otp"),
            (Set, enroll, "not json", 2102, "Invalid parameters parameter"),
            (Set, enroll, "[]", 2102, "Invalid parameters parameter"),
            (Set, enroll, "", 2101, "Missing action parameter"),
            (Set, enroll, "{\"action\":null}", 2101, "Missing action parameter"),
            (Set, enroll, "{\"type\":\"enroll\"}", 2101, "Missing action parameter"),
            (Set, enroll, "{\"type\":\"enroll\"}", 2101, "with \\\"action\\\", not with \\\"type\\\""),
            (Get, "pims.authentication.smscode", "{\"action\":\"resetPIN\"}", 2101, "not with \\\"action\\\""),
            (Set, enroll, "{\"action\":\"x\",\"pinCode\":\"x\"}", 2102, "Invalid action parameter"),
            (Set, enroll, "{\"action\":1}", 2102, "Invalid action parameter"),
            (Set, enroll, "{\"action\":\"enroll\",\"pinCode\":\"x\"}", 2101, "Missing smsCode parameter"),
            (Set, enroll, "{\"action\":\"enroll\"}", 2101, "Missing pinCode parameter"),
            (
                Set,
                enroll,
                "{\"action\":\"enroll\",\"pinCode\":\"x\",\"smsCode\":\"\\u0001\"}",
                2102,
                "Invalid pinCode parameter",
            ),
            (
                Set,
                enroll,
                "{\"action\":\"enroll\",\"pinCode\":1234,\"smsCode\":\"\\u0001\"}",
                2102,
                "Invalid smsCode parameter",
            ),
            (Set, enroll, "{\"action\":\"enroll\",\"pinCode\":1234,\"smsCode\":\" \"}", 0, ""),
            (Set, enroll, "{\"action\":\"enrollWithPhoneNumber\"}", 2101, "Missing pinCode parameter"),
            (Get, "pims.sdk.device", "", 0, ""),
            (Set, "pims.authentication.token", "{\"type\":\"cvs\",\"token\":\"a b\"}", 2102, "Invalid token parameter"),
            (Get, "pims.authentication.account", "{}", 2101, "Missing type parameter"),
            (
                Get,
                "pims.authentication.account",
                "{\"type\":\"isDeviceActivated\"}",
                2101,
                "Missing actionType parameter",
            ),
            (
                Get,
                "pims.authentication.account",
                "{\"type\":\"isDeviceActivated\",\"actionType\":\"weak\"}",
                2102,
                "Invalid actionType parameter",
            ),
            (Set, "pims.authentication.smscode", "{\"type\":\"addPhoneNumber\"}", 2101, "Missing smsCode parameter"),
            (Set, "pims.authentication.smscode", "{\"type\":\"enrollment\"}", 2101, "Missing action parameter"),
            (
                Set,
                "pims.authentication.pincode",
                "{\"action\":\"update\",\"oldPIN\":\"1234\",\"newPIN\":1234}",
                2315,
                "previous one",
            ),
            (
                Set,
                "pims.authentication.pincode",
                "{\"action\":\"update\",\"oldPIN\":\"1234\",\"newPIN\":\"12\"}",
                2102,
                "Invalid newPIN parameter",
            ),
        ] {
            let (found, message) = code(method, api, text);
            assert_eq!(found, expected, "{api} {text}: {message}");
            assert!(message.contains(part), "{api} {text}: {message}");
        }
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        use serde_json::Value;
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
            prop::sample::select(vec!["enroll", "strong", "isDeviceActivated", "1234", " ", "update", "withPIN"])
                .prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 6, |inner| {
            let name = prop_oneof![
                ".{0,6}",
                prop::sample::select(vec![
                    "action",
                    "type",
                    "actionType",
                    "pinCode",
                    "smsCode",
                    "oldPIN",
                    "newPIN",
                    "phoneNumber"
                ])
                .prop_map(str::to_owned),
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((name, inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_json_to_any_api_is_validated(json in any_json(), place in 0usize..64) {
            let all: Vec<_> = routes().collect();
            let route = all[place % all.len()];
            let _ = validate(route.method, route.api, &json.to_string());
        }

        #[test]
        fn any_api_name_is_validated(api in ".*") {
            let refused = validate(Method::Get, &api, "{}").is_err();
            prop_assert!(refused);
        }
    }
}
