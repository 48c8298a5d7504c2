//! `pims import` and `pims export`: an enrollment moves from one client to another.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::path::Path;

use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{ENROLLMENT, Prepared};
use crate::arguments::{Export, Import};
use crate::failure::Failure;
use crate::output::Style;
use crate::status::Status;
use crate::unfinished::Unfinished;
use crate::{signals, terminal};

/// Largest state, in bytes. The states of the known clients have a few kilobytes.
const MAX_STATE: usize = 64 * 1024;

/// Imports an enrollment.
pub(super) fn import(prepared: &Prepared, options: &Import, style: Style) -> Result<(), Failure> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Parameters<'a> {
        action: &'static str,
        format: &'a str,
        state: &'a str,
        pin_code: &'a str,
        replace: bool,
    }
    #[derive(Deserialize)]
    struct Imported<'a> {
        #[serde(borrow)]
        warning: Cow<'a, str>,
    }
    let is_input = options.file == Path::new("-");
    let name = options.file.display().to_string();
    let bytes = if is_input {
        terminal::read_all(terminal::standard_input()?, MAX_STATE, "standard input")
    } else {
        let file = File::open(&options.file);
        let file = file.map_err(|error| Failure::usage(format!("{name} cannot be opened: {error}")))?;
        terminal::read_all(file, MAX_STATE, &name)
    };
    let state = text(&bytes.map_err(Failure::usage)?)?;
    let pin = if is_input { terminal::pin_of_terminal("PIN")? } else { terminal::pin("PIN")? };
    let answer = prepared.open()?.set(
        ENROLLMENT,
        &Parameters {
            action: "import",
            format: &options.format,
            state: &state,
            pin_code: &pin,
            replace: options.replace,
        },
    )?;
    let warning = answer.result::<Imported<'_>>().map(|imported| imported.warning).unwrap_or_default();
    style.write(&format!("the enrollment was imported\nnote: {warning}"), &answer)
}

/// Returns a state as the library takes it: text as it is, and a pickle, which is binary, in
/// base64.
fn text(bytes: &[u8]) -> Result<Zeroizing<String>, Failure> {
    // A pickle of the protocols 2 and later begins with this byte, which no text begins with.
    const PICKLE: u8 = 0x80;
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) if bytes.first() == Some(&PICKLE) => Ok(Zeroizing::new(Base64::encode_string(bytes))),
        Err(_) => Err(Failure::usage("the file is neither a text nor a pickle")),
    }
}

/// Exports the enrollment.
pub(super) fn export(prepared: &Prepared, options: &Export, style: Style) -> Result<(), Failure> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Parameters<'a> {
        action: &'static str,
        pin_code: &'a str,
        plain: bool,
    }
    // The password that proves the PIN is not spent for a file that cannot be written.
    signals::watch();
    let file = match &options.output {
        Some(path) => Some((path, Unfinished::create(path).map_err(|error| not_written(path, &error))?)),
        None => None,
    };
    let pin = terminal::pin("PIN")?;
    let parameters = Parameters { action: "export", pin_code: &pin, plain: options.plain };
    let answer = prepared.open()?.set(ENROLLMENT, &parameters)?;
    let result = answer.object();
    let Some(state) = result.as_ref().and_then(|result| result.get("state")?.as_text()) else {
        return Err(Failure::Local { status: Status::Other, cause: "the library returned no state".to_owned() });
    };
    let Some((path, file)) = file else { return style.write(state, &answer) };
    file.finish(state.as_bytes()).map_err(|error| not_written(path, &error))?;
    if style == Style::Text {
        terminal::say(&format!("{} was written. It contains a key in clear.", path.display()));
    }
    style.write_done()
}

fn not_written(path: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::usage(format!("{} exists", path.display())),
        _ => Failure::usage(format!("{} cannot be written: {error}", path.display())),
    }
}
