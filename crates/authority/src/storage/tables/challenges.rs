//! The challenges of a device, one for each mode. They are columns of its row, with a MAC of their
//! own, so that a step writes them without the rest of the row.
//!
//! The text has a part for each challenge: its mode, its value and its time.

use std::fmt::Write;

use crate::domain::rows::{ChallengeColumns, ChallengeRow, DeviceRow};
use crate::failure::{StorageError, StorageResult};
use crate::storage::table::Table;
use crate::storage::transaction::{Transaction, params};
use crate::storage::value::{Param, Row, Value};

/// The columns, in the order in which the MAC covers them.
pub(super) static CHALLENGES: Table = Table::new("challenges", 1, &["id", "account", "challenges"])
    .within("devices", "challenges_mac")
    .with_condition("removed_at IS NULL AND challenges IS NOT NULL");

impl Transaction<'_> {
    /// Writes a challenge in place of the one of the same mode.
    pub(crate) fn put_challenge(
        &self,
        device: &mut DeviceRow,
        mode: &str,
        challenge: &ChallengeRow,
    ) -> StorageResult<()> {
        // Challenges that another program changed are worth nothing. The new one needs none of
        // them.
        let mut challenges = self.challenges(device).unwrap_or_default();
        challenges.retain(|(other, _)| other != mode);
        let ChallengeRow { challenge, made_at } = challenge;
        challenges.push((mode.to_owned(), ChallengeRow { challenge: challenge.clone(), made_at: *made_at }));
        self.write_challenges(device, &challenges)
    }

    /// Finds a challenge.
    pub(crate) fn challenge(&self, device: &DeviceRow, mode: &str) -> StorageResult<Option<ChallengeRow>> {
        let found = self.challenges(device)?.into_iter().find(|(other, _)| other == mode);
        Ok(found.map(|(_, challenge)| challenge))
    }

    /// Finds a challenge and removes it.
    pub(crate) fn take_challenge(&self, device: &mut DeviceRow, mode: &str) -> StorageResult<Option<ChallengeRow>> {
        let mut challenges = self.challenges(device)?;
        let Some(position) = challenges.iter().position(|(other, _)| other == mode) else { return Ok(None) };
        let (_, challenge) = challenges.swap_remove(position);
        self.write_challenges(device, &challenges)?;
        Ok(Some(challenge))
    }

    /// Authenticates the challenges of a device and reads them.
    fn challenges(&self, device: &DeviceRow) -> StorageResult<Vec<(String, ChallengeRow)>> {
        let ChallengeColumns { text, mac } = &device.challenges;
        let Some(text) = text else { return Ok(Vec::new()) };
        let mac = mac.clone().map_or(Value::Null, Value::Bytes);
        let columns = [&device.id, &device.account, text].map(|column| Value::Text(column.clone()));
        self.authenticate(&CHALLENGES, Row::new(columns.into_iter().chain([mac]).collect()))?;
        read(text).ok_or_else(|| StorageError::new("the challenges of a device cannot be read"))
    }

    fn write_challenges(&self, device: &mut DeviceRow, challenges: &[(String, ChallengeRow)]) -> StorageResult<()> {
        let text = write(challenges);
        let columns = [device.id.as_str(), &device.account, &text].map(Param::from);
        let mac = self.macs().mac(&CHALLENGES.encode(&columns)?);
        self.change(
            "UPDATE devices SET challenges = $1, challenges_mac = $2 WHERE id = $3 AND removed_at IS NULL",
            params![&text, &mac, &device.id],
        )?;
        device.challenges = ChallengeColumns { text: Some(text), mac: Some(mac) };
        Ok(())
    }
}

fn write(challenges: &[(String, ChallengeRow)]) -> String {
    challenges.iter().fold(String::new(), |mut text, (mode, ChallengeRow { challenge, made_at })| {
        let blank = if text.is_empty() { "" } else { " " };
        // Writing to a text cannot fail.
        let _ = write!(text, "{blank}{mode}:{challenge}:{made_at}");
        text
    })
}

fn read(text: &str) -> Option<Vec<(String, ChallengeRow)>> {
    let part = |part: &str| {
        let (mode, rest) = part.split_once(':')?;
        let (challenge, made_at) = rest.split_once(':')?;
        let challenge = ChallengeRow { challenge: challenge.to_owned(), made_at: made_at.parse().ok()? };
        Some((mode.to_owned(), challenge))
    };
    text.split_whitespace().map(part).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_as_they_were_written() {
        let row = |challenge: &str, made_at| ChallengeRow { challenge: challenge.to_owned(), made_at };
        for rows in [
            vec![],
            vec![("otp".to_owned(), row("0a", 5))],
            vec![("otp".to_owned(), row("0a", -5)), ("ms".to_owned(), row("ff", i64::MAX))],
        ] {
            let text = write(&rows);
            let again = read(&text).unwrap();
            assert_eq!(write(&again), text);
            assert_eq!(again.len(), rows.len(), "{text}");
        }
        assert_eq!(write(&[("otp".to_owned(), row("0a", 5)), ("ms".to_owned(), row("ff", 6))]), "otp:0a:5 ms:ff:6");
        for bad in ["otp", "otp:0a", "otp:0a:x", "otp:0a:5 ms"] {
            assert!(read(bad).is_none(), "{bad}");
        }
    }
}
