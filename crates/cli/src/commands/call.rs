//! `pims call`: one request on standard input, one message on standard output.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Prepared;
use crate::answer::Answer;
use crate::arguments::Settings;
use crate::failure::Failure;
use crate::output::{Style, line};
use crate::status::Status;
use crate::terminal;

/// Largest request, in bytes.
const MAX_REQUEST: usize = 256 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    api: Cow<'a, str>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

/// Answers one request. Each outcome is one line of JSON on standard output.
pub(super) fn run(settings: &Settings) -> Result<Status, Failure> {
    let answer = match answer(settings) {
        Ok(answer) | Err(Failure::Refused(answer)) => answer,
        Err(failure) => return Err(failure),
    };
    line(answer.as_str())?;
    Ok(if answer.succeeded() { Status::Success } else { answer.refusal().status() })
}

fn answer(settings: &Settings) -> Result<Answer, Failure> {
    const EXPECTED: &str = "expected one JSON object {\"method\":…,\"api\":…,\"params\":…} on standard input";
    let input = terminal::standard_input()?;
    let bytes = terminal::read_all(input, MAX_REQUEST, "the request").map_err(Failure::usage)?;
    // A list of the members would be read, too.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Failure::usage(EXPECTED));
    }
    // An error of the JSON reader may show a part of the text, which may be a secret.
    let request: Request<'_> = serde_json::from_slice(&bytes).map_err(|_| Failure::usage(EXPECTED))?;
    if !matches!(&*request.method, "get" | "set") {
        return Err(Failure::usage("expected the method \"get\" or \"set\""));
    }
    let library = Prepared::new(settings, Style::Json)?.open()?;
    Ok(library.ask(&request.method, &request.api, request.params.map_or("", RawValue::get)))
}
