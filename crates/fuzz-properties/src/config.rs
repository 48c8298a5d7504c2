//! The configuration of `pims_init` and of `pims.sdk.configuration`.

use pims::config::Config;

/// Runs the property on one input.
pub fn check(text: &str) {
    let (first, second) = text.split_once('\n').unwrap_or((text, "{}"));
    if let Ok(config) = Config::read(first) {
        let _ = (config.realm(), config.database(), config.service());
        if let Ok(changed) = config.change(second) {
            let _ = changed.service();
        }
    }
}
