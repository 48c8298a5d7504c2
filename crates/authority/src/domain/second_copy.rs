//! Signs of a second copy of a device.
//!
//! A device stores a K1, and the number of its last synchronization, before it proves or sends
//! them. So it never returns to older ones, whatever answers are lost and wherever it crashes. A
//! request with older ones comes from another copy, or from a device that was restored from a
//! backup.

use crate::domain::rows::DeviceRow;

/// Returns whether a `lastsync` is older than one that the device sent when it proved its K1. A
/// client that always sends the same number gives no sign.
pub(crate) fn is_older(device: &DeviceRow, last_sync: u64) -> bool {
    last_sync < u64::from(device.sync_shown)
}

/// Returns whether a wrong R1, beside a right PIN, comes from an older K1. This is unknown after a
/// synchronization, whose answer may be lost, and after a change of the PIN, under which the device
/// hides its K1. The result is then false.
pub(crate) fn is_wrong_k1_older(device: &DeviceRow) -> bool {
    device.k1_proved
}

/// Records that the device proved its K1 and PIN, and sent this `lastsync`. Returns whether the row
/// changed.
pub(crate) fn record_proof(device: &mut DeviceRow, last_sync: u64) -> bool {
    let shown = last_sync.min(device.tsync.into());
    let shown = u32::try_from(shown).unwrap_or(device.tsync).max(device.sync_shown);
    let before = (device.k1_proved, device.sync_shown);
    (device.k1_proved, device.sync_shown) = (true, shown);
    before != (device.k1_proved, device.sync_shown)
}

/// Records that a second copy is suspected. The same evidence is not reported twice: new evidence
/// needs another proof of K1 first.
pub(crate) fn record_suspicion(device: &mut DeviceRow, last_sync: u64, now: i64) {
    device.suspected_at = Some(now);
    device.k1_proved = false;
    device.sync_shown = u32::try_from(last_sync).unwrap_or(u32::MAX).min(device.sync_shown);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_was_never_given_is_not_believed() {
        let mut device = DeviceRow { tsync: 3, ..DeviceRow::new("d", "a", 0) };
        assert!(record_proof(&mut device, u64::MAX));
        assert_eq!(device.sync_shown, 3);
        assert!(!record_proof(&mut device, 2));
        assert!(is_older(&device, 2) && !is_older(&device, 3));
    }

    #[test]
    fn a_client_that_always_shows_the_same_number_is_not_suspected() {
        let mut device = DeviceRow { tsync: 7, ..DeviceRow::new("d", "a", 0) };
        record_proof(&mut device, 0);
        assert!(!is_older(&device, 0));
    }

    #[test]
    fn evidence_is_told_once() {
        let mut device = DeviceRow { tsync: 3, ..DeviceRow::new("d", "a", 0) };
        record_proof(&mut device, 3);
        assert!(is_older(&device, 1) && is_wrong_k1_older(&device));
        record_suspicion(&mut device, 1, 5);
        assert!(!is_older(&device, 1) && !is_wrong_k1_older(&device));
        assert_eq!(device.suspected_at, Some(5));
        record_proof(&mut device, 3);
        assert!(is_older(&device, 1) && is_wrong_k1_older(&device));
    }
}
