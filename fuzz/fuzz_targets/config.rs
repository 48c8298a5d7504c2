//! The configuration of `pims_init` and of `pims.sdk.configuration`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pims::config::Config;

fuzz_target!(|text: &str| {
    let (first, second) = text.split_once('\n').unwrap_or((text, "{}"));
    if let Ok(config) = Config::read(first) {
        let _ = (config.realm(), config.database(), config.service());
        if let Ok(changed) = config.change(second) {
            let _ = changed.service();
        }
    }
});
