//! `pims init`: a configuration file.

use pims::config::Config;
use serde_json::{Map, Value, json};

use crate::arguments::{Init, Settings};
use crate::configuration;
use crate::failure::Failure;
use crate::output::{Style, printable};
use crate::terminal;

/// Asks for the values that the options lack, checks the configuration, and writes it.
pub(super) fn run(settings: &Settings, options: &Init, style: Style) -> Result<(), Failure> {
    let path = configuration::path(settings)?;
    let storage = configuration::storage(settings)?;
    let mut configuration = Map::new();
    if !options.embedded {
        configuration.insert("environnement".into(), json!("Production"));
        configuration.insert("credential".into(), credential(options)?);
        if let Some(brand) = asked(&options.brand, "Brand of the account, if it has one")? {
            configuration.insert("profile".into(), json!({ "brand": brand }));
        }
    }
    if let Some(username) = asked(&options.username, "Name of the account [local]")? {
        configuration.insert("account".into(), json!({ "username": username }));
    }
    let storage_path = storage.to_str().ok_or_else(|| Failure::usage("the path of the folder is not UTF-8"))?;
    configuration.insert("storage".into(), json!({ "path": storage_path }));
    // Each command opens the library anew. A file of the log for each would hide the others.
    configuration.insert("monitoring".into(), json!({"logLevel": "medium", "newLogFile": "day"}));
    let text = format!("{:#}\n", Value::Object(configuration));
    if let Err(error) = Config::read(&text) {
        return Err(Failure::usage(printable(error.detail())));
    }
    configuration::write(&path, &text, options.force)?;
    let program = settings.program();
    let next = format!("{program} doctor checks it, {program} enroll enrolls this machine");
    style.write_result(&format!("{} was written\n{next}", path.display()), &json!({ "path": path.to_string_lossy() }))
}

fn credential(options: &Init) -> Result<Value, Failure> {
    let mut credential = Map::new();
    let mut insert = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            credential.insert(key.to_owned(), Value::String(value));
        }
    };
    insert("inWeboURL", Some(required(&options.service, "URL of the inWebo service", "--service or --embedded")?));
    insert("macID", Some(required(&options.mac_id, "Id of the application (macID)", "--mac-id")?));
    insert("cvsURL", asked(&options.cvs, "URL of CVS, if it has another host")?);
    insert("clientId", asked(&options.client_id, "Id of the client at CVS, if there is one")?);
    if let Some(file) = &options.ca_file {
        let file = std::path::absolute(file)?;
        let file = file.to_str().ok_or_else(|| Failure::usage("the path of --ca-file is not UTF-8"))?;
        insert("caFile", Some(file.to_owned()));
    }
    Ok(Value::Object(credential))
}

fn required(option: &Option<String>, prompt: &str, name: &str) -> Result<String, Failure> {
    match asked(option, prompt)? {
        Some(value) => Ok(value),
        None => Err(Failure::usage(format!("{name} is missing"))),
    }
}

/// Returns the value of an option, or asks for it on a terminal.
fn asked(option: &Option<String>, prompt: &str) -> Result<Option<String>, Failure> {
    match option {
        Some(value) => Ok(Some(value.clone())),
        None if terminal::is_interactive() => {
            let value = terminal::text(prompt, "")?;
            Ok((!value.is_empty()).then_some(value))
        }
        None => Ok(None),
    }
}
