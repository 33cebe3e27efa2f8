//! The ids of hooks and of their owners.

use crate::job::MAX_NAME_BYTES;
use crate::time::Timestamp;

/// Longest hook id in bytes: an event's id and a hook's together make the id of a job (contract section 4).
pub const MAX_HOOK_ID_BYTES: usize = 64;

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Characters of a new id that tell its time: enough until the year 5188.
const TIME_CHARS: usize = 9;

/// Characters of a new id that nobody can guess: 36 bits.
const RANDOM_CHARS: usize = 7;

/// Whether a hook may bear this id: 1 to 64 of `A-Z a-z 0-9 _ -`.
pub fn is_hook_id(text: &str) -> bool {
    (1..=MAX_HOOK_ID_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// Whether an owner may have this id: 1 to 128 visible ASCII characters.
pub fn is_user_id(text: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// An id of 16 lower-case letters and digits. Later ones sort after earlier ones; `random` are the caller's dice.
pub fn new_id(now: Timestamp, random: u64) -> String {
    let longest = 36_u64.pow(TIME_CHARS as u32) - 1;
    let mut id = in_base_36(now.as_millis().min(longest), TIME_CHARS);
    id.push_str(&in_base_36(random, RANDOM_CHARS));
    id
}

/// The last `length` digits.
fn in_base_36(mut number: u64, length: usize) -> String {
    let mut digits = vec![b'0'; length];
    for place in digits.iter_mut().rev() {
        *place = DIGITS[(number % 36) as usize];
        number /= 36;
    }
    digits.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hook_ids_are_short_and_plain() {
        for good in ["9abc", "A_b-9", &"a".repeat(64)] {
            assert!(is_hook_id(good), "{good}");
        }
        for bad in ["", "a:b", "a b", "é", "a/b", &"a".repeat(65)] {
            assert!(!is_hook_id(bad), "{bad}");
        }
    }

    #[test]
    fn user_ids_are_visible_ascii() {
        assert!(is_user_id("9u") && is_user_id("a:{b}/c") && is_user_id(&"a".repeat(128)));
        assert!(!is_user_id("") && !is_user_id("a b") && !is_user_id("é") && !is_user_id(&"a".repeat(129)));
    }

    proptest! {
        #[test]
        fn new_ids_are_hook_ids_in_the_order_of_their_times(
            first in any::<u64>(), wait in 1..=1_000_000_000_u64, dice in any::<[u64; 2]>()
        ) {
            let first = first % 90_000_000_000_000;
            let [earlier, later] = [(first, dice[0]), (first + wait, dice[1])]
                .map(|(millis, random)| new_id(Timestamp::from_millis(millis), random));
            prop_assert!(is_hook_id(&earlier) && earlier.len() == 16, "{earlier}");
            prop_assert!(earlier < later, "{earlier} {later}");
            prop_assert_eq!(earlier.to_ascii_lowercase(), earlier);
        }

        #[test]
        fn no_time_panics(millis in any::<u64>(), random in any::<u64>()) {
            prop_assert_eq!(new_id(Timestamp::from_millis(millis), random).len(), 16);
        }
    }
}
