//! `migrate`: brings the database to the schema of this release. With `--rekey`, seals its rows
//! under the current master key.

use super::{open_without_sms, print_line, with_noun};
use crate::config::Config;

pub(crate) fn run(config: &Config, rekey: Option<u32>) -> Result<(), String> {
    let authority = open_without_sms(config)?;
    print_line(&format!("{}: up to date", config.database.describe()))?;
    let Some(batch) = rekey else { return Ok(()) };
    let mut resealed = 0_u64;
    loop {
        let progress = authority.rekey(batch).map_err(|failure| failure.to_string())?;
        resealed += u64::from(progress.resealed);
        if progress.done {
            let (rows, were) = (with_noun(resealed, "row"), if resealed == 1 { "was" } else { "were" });
            print_line(&format!(
                "{rows} {were} sealed again; nothing is sealed under another key than the current one"
            ))?;
            if progress.hashed_under_others > 0 {
                print_line(&format!(
                    "codes, passwords and refresh tokens that only another key recognizes: {}; \
                     keep that key until they have expired, else they are void",
                    progress.hashed_under_others
                ))?;
            }
            return Ok(());
        }
    }
}
