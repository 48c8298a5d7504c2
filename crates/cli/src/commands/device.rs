//! Commands about this device: `pims status`, `remove`, `logs`.

use std::fs::File;
use std::io::Write;

use pims::config::ServiceUrl;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{ACCOUNT, Action, ENROLLMENT, Nothing, Prepared};
use crate::arguments::{Logs, Remove, StatusOptions};
use crate::failure::Failure;
use crate::library::Library;
use crate::output::Style;
use crate::terminal;

#[derive(Serialize)]
struct OfAccount {
    #[serde(rename = "actionType")]
    action_type: &'static str,
    r#type: &'static str,
}

/// Shows whether the device is enrolled. The service is asked only for the block.
pub(super) fn status(prepared: &Prepared, options: &StatusOptions, style: Style) -> Result<(), Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Block<'a> {
        is_account_blocked: &'a str,
    }
    let library = prepared.open()?;
    let enrolled = is_enrolled(&library)?;
    let mut result = json!({ "isDeviceActivated": enrolled });
    let mut lines = vec![format!("enrolled: {}", if enrolled { "yes" } else { "no" })];
    if options.online {
        let answer = library.get(ACCOUNT, &OfAccount { action_type: "strong", r#type: "isAccountBlocked" })?;
        let blocked = answer.result::<Block<'_>>().map_or("", |block| block.is_account_blocked);
        lines.push(match answer.info().retry_after_seconds {
            Some(seconds) => format!("account: {blocked} for {seconds} more seconds"),
            None => format!("account: {blocked}"),
        });
        result["isAccountBlocked"] = blocked.into();
        if let Some(seconds) = answer.info().retry_after_seconds {
            result["retryAfterSeconds"] = seconds.into();
        }
    }
    let service = match prepared.config.service() {
        None => "none".to_owned(),
        Some(ServiceUrl::Embedded) => "embedded".to_owned(),
        Some(ServiceUrl::Remote(url)) => url,
    };
    let storage = &prepared.config.storage_path;
    lines.extend([format!("service: {service}"), format!("storage: {}", storage.display())]);
    result["service"] = service.into();
    result["storage"] = storage.to_string_lossy().into();
    style.write_result(&lines.join("\n"), &result)
}

/// Returns whether this device is enrolled. It sends nothing.
pub(super) fn is_enrolled(library: &Library) -> Result<bool, Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Activated {
        is_device_activated: bool,
    }
    let answer = library.get(ACCOUNT, &OfAccount { action_type: "strong", r#type: "isDeviceActivated" })?;
    Ok(answer.result::<Activated>().is_some_and(|activated| activated.is_device_activated))
}

/// Removes all enrollments of the account, after a question.
pub(super) fn remove(prepared: &Prepared, options: &Remove, style: Style) -> Result<(), Failure> {
    if !options.yes {
        if !terminal::is_interactive() {
            return Err(Failure::usage("--yes is missing: this ends the enrollments of all devices of the account"));
        }
        if !terminal::agrees("This ends the enrollments of all devices of the account, and its PIN.")? {
            return Err(Failure::usage("nothing was removed"));
        }
    }
    let answer = prepared.open()?.set(ENROLLMENT, &Action::new("remove"))?;
    style.write("all enrollments of the account were removed", &answer)
}

/// Shows the paths of the logs, or the newest log.
pub(super) fn logs(library: &Library, options: &Logs, style: Style) -> Result<(), Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Paths {
        log_paths: Vec<String>,
    }
    let answer = library.get("pims.sdk.logs", &Nothing {})?;
    let paths = answer.result::<Paths>().map(|paths| paths.log_paths).unwrap_or_default();
    if !options.show {
        return style.write(&paths.join("\n"), &answer);
    }
    let Some(newest) = paths.last() else { return style.write_done() };
    if style == Style::Json {
        let text = std::fs::read(newest)?;
        return style.write_result("", &json!({"path": newest, "text": String::from_utf8_lossy(&text)}));
    }
    let mut output = std::io::stdout().lock();
    std::io::copy(&mut File::open(newest)?, &mut output)?;
    output.flush()?;
    Ok(())
}
