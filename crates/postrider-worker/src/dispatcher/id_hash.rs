//! Hashing of entry ids and names of destinations: a few multiplications instead of a cipher, for maps that are asked several
//! times a job.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Odd, with bits spread evenly: the golden ratio's fraction.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Makes hashers that start from one random number, so that a producer who chooses ids can't choose ones that collide.
#[derive(Clone, Debug)]
pub(super) struct IdHashing {
    seed: u64,
}

impl Default for IdHashing {
    fn default() -> Self {
        Self { seed: RandomState::new().hash_one(()) }
    }
}

impl BuildHasher for IdHashing {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher(self.seed)
    }
}

/// Folds number after number into one.
#[derive(Debug)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write_u64(&mut self, number: u64) {
        let product = u128::from(self.0 ^ number) * u128::from(SPREAD);
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    fn write_u16(&mut self, number: u16) {
        self.write_u64(number.into());
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        // With its length, so that zeros at the end tell.
        self.write_u64(u64::from_le_bytes(last) ^ (rest.len() as u64) << 56);
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(number.into());
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use postrider_core::entry_id::EntryId;

    use super::*;

    #[test]
    fn names_that_differ_in_one_byte_or_in_length_differ_in_hash() {
        let hashing = IdHashing::default();
        let mut names: Vec<String> = (0..64).map(|length| "\0".repeat(length)).collect();
        names.extend((0..64).map(|place| format!("{}x{}", "a".repeat(place), "a".repeat(63 - place))));
        names.extend((0..4096).map(|number| format!("u\n{number}")));
        let hashes: HashSet<u64> = names.iter().map(|name| hashing.hash_one(&**name)).collect();
        assert_eq!(hashes.len(), names.len());
    }

    #[test]
    fn ids_of_one_burst_spread_over_a_table() {
        let hashing = IdHashing::default();
        let id = |number: u64| EntryId { millis: 1_764_324_000_000 + number / 64, sequence: number % 64 };
        // As a table does: the low bits choose the group, the high ones the place in it.
        let low: HashSet<u64> = (0..4096).map(|number| hashing.hash_one(id(number)) & 4095).collect();
        let high: HashSet<u64> = (0..4096).map(|number| hashing.hash_one(id(number)) >> 57).collect();
        assert!(low.len() > 4096 / 2, "{} of 4096 groups are used", low.len());
        assert_eq!(high.len(), 128);
    }
}
