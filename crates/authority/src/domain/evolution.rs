//! The rule for the evolution of K1.

/// Returns whether K1 evolves before the password that is requested now. This is so for every
/// `every`-th password, and never for one that follows an evolution in the same operation
/// (`adopted`).
pub(crate) fn is_due(every: u32, since_evolution: u32, adopted: bool) -> bool {
    every > 0 && !adopted && since_evolution.saturating_add(1) >= every
}

#[cfg(test)]
mod tests {
    use super::is_due;

    /// Returns the results of `requests` requests for passwords: `E` for an evolution, `p` for a
    /// password.
    fn history(every: u32, requests: usize) -> String {
        let (mut since, mut pending) = (0, false);
        let mut history = String::new();
        for _ in 0..requests {
            let adopted = std::mem::take(&mut pending);
            if adopted {
                since = 0;
            }
            if is_due(every, since, adopted) {
                pending = true;
                history.push('E');
            } else {
                since += u32::from(!adopted);
                history.push('p');
            }
        }
        history
    }

    #[test]
    fn every_nth_password_comes_after_an_evolution() {
        assert_eq!(history(0, 6), "pppppp");
        assert_eq!(history(1, 6), "EpEpEp");
        assert_eq!(history(2, 6), "pEppEp");
        assert_eq!(history(3, 8), "ppEpppEp");
    }
}
