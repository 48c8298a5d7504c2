//! `pims.sdk.*`: the library itself, the device it runs on, its logs and its configuration.

use std::borrow::Cow;
use std::path::Path;

use zeroize::Zeroizing;

use super::{Error, Method, Route, Selector, Task, Validate};
use crate::message::Output;
use crate::{log, platform};

const fn get(api: &'static str, validate: fn() -> Result<Task, Error>) -> Route {
    Route { method: Method::Get, api, selector: Selector::Only, operation: "", validate: Validate::None(validate) }
}

pub(super) const ROUTES: &[Route] = &[
    get("pims.sdk.version", || {
        Ok(Task::View(|_| {
            let version = Cow::Borrowed(env!("CARGO_PKG_VERSION"));
            Ok(Output::Texts(vec![("versionCore", version.clone()), ("versionFacade", version)]))
        }))
    }),
    get("pims.sdk.device", || {
        Ok(Task::View(|view| {
            let given = view.device();
            let detected = platform::device();
            let text =
                |given: Option<String>, detected: &'static str| given.map_or(Cow::Borrowed(detected), Cow::Owned);
            Ok(Output::Texts(vec![
                ("OS", text(given.os, &detected.os)),
                ("OSVersion", text(given.os_version, &detected.os_version)),
                ("PhoneModel", text(given.phone_model, &detected.model)),
                ("PhoneBrand", text(given.phone_brand, &detected.brand)),
            ]))
        }))
    }),
    get("pims.sdk.log", || Ok(Task::View(|_| Ok(Output::Path("logPath", log::path().map(|path| text(&path))))))),
    get("pims.sdk.logs", || {
        Ok(Task::View(|_| Ok(Output::List("logPaths", log::paths().iter().map(|path| text(path)).collect()))))
    }),
    Route {
        method: Method::Set,
        api: "pims.sdk.configuration",
        selector: Selector::Only,
        operation: "",
        validate: Validate::Text(|text| Ok(Task::Configure(Zeroizing::new(text.to_owned())))),
    },
];

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
