//! Gzip data of zeros, as small as it gets: 1,032 times smaller than what it unpacks to. Written by hand, since one
//! block of one kind of match is all that it takes.

/// One match of the format repeats at most so many bytes.
const MAX_MATCH: u64 = 258;

/// Gzip data that unpacks to so many zero bytes; at least one.
pub(super) fn zeros(count: u64) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.put_header();
    // The first byte is a literal; the others repeat the one before them.
    bits.put(LITERAL_ZERO, 2);
    for _ in 0..count.saturating_sub(1) / MAX_MATCH {
        bits.put(0, 2);
    }
    for _ in 0..count.saturating_sub(1) % MAX_MATCH {
        bits.put(LITERAL_ZERO, 2);
    }
    bits.put(END_OF_BLOCK, 2);
    let mut data = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    data.extend(bits.finish());
    data.extend(crc_of_zeros(count).to_le_bytes());
    data.extend((count as u32).to_le_bytes());
    data
}

/// Codes are sent from their first bit on, and written here in that order from the lowest bit: `10` is 0b01.
const LITERAL_ZERO: u32 = 0b01;
const END_OF_BLOCK: u32 = 0b11;

#[derive(Default)]
struct Bits {
    done: Vec<u8>,
    pending: u32,
    pending_bits: u32,
}

impl Bits {
    fn put(&mut self, value: u32, bits: u32) {
        self.pending |= value << self.pending_bits;
        self.pending_bits += bits;
        while self.pending_bits >= 8 {
            self.done.push(self.pending as u8);
            self.pending >>= 8;
            self.pending_bits -= 8;
        }
    }

    /// The last block, with codes of its own (RFC 1951, 3.2.7): a match of 258 bytes is `0`, a zero `10`, the end `11`;
    /// the only distance, 1, is `0`.
    fn put_header(&mut self) {
        self.put(1, 1);
        self.put(2, 2);
        // 286 codes of literals and lengths, 1 of distances, 18 of code lengths.
        self.put(286 - 257, 5);
        self.put(0, 5);
        self.put(18 - 4, 4);
        // Of the code lengths, `18` (a run of zeros) takes 1 bit, `2` and `1` take 2; in the format's own order.
        for bits in [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2] {
            self.put(bits, 3);
        }
        let run_of_zeros = |bits: &mut Self, count: u32| {
            bits.put(0, 1);
            bits.put(count - 11, 7);
        };
        const ONE: u32 = 0b01;
        const TWO: u32 = 0b11;
        self.put(TWO, 2);
        run_of_zeros(self, 138);
        run_of_zeros(self, 117);
        self.put(TWO, 2);
        run_of_zeros(self, 28);
        self.put(ONE, 2);
        self.put(ONE, 2);
    }

    fn finish(mut self) -> Vec<u8> {
        if self.pending_bits > 0 {
            self.done.push(self.pending as u8);
        }
        self.done
    }
}

/// The CRC-32 of so many zero bytes. One zero bit is a linear step, and steps are doubled until they are enough.
fn crc_of_zeros(count: u64) -> u32 {
    let mut step = [0; 32];
    for (bit, column) in step.iter_mut().enumerate() {
        *column = if bit == 0 { 0xedb8_8320 } else { 1 << (bit - 1) };
    }
    let apply = |step: &[u32; 32], state: u32| {
        (0..32).filter(|bit| state >> bit & 1 == 1).fold(0, |sum, bit| sum ^ step[bit])
    };
    let mut state = u32::MAX;
    let mut left = count * 8;
    while left > 0 {
        if left & 1 == 1 {
            state = apply(&step, state);
        }
        step = step.map(|column| apply(&step, column));
        left >>= 1;
    }
    !state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_times_smaller_than_what_it_unpacks_to() {
        assert!(zeros(64 << 20).len() < (64 << 20) / 1000);
    }

    /// The checksums that zlib gives for 1, 4 and 1,048,576 zero bytes.
    #[test]
    fn the_checksum_is_that_of_the_zeros() {
        assert_eq!(crc_of_zeros(1), 0xd202_ef8d);
        assert_eq!(crc_of_zeros(4), 0x2144_df1c);
        assert_eq!(crc_of_zeros(1 << 20), 0xa738_ea1c);
    }

    /// What zlib unpacks to ten zeros.
    #[test]
    fn ten_zeros_are_these_bytes() {
        let deflated = 0xedc0_8100_0000_0080_a0fd_a917_a9aa_aa1a_u128.to_be_bytes();
        let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
        let tail = [0xe38a_6876_u32.to_le_bytes(), 10_u32.to_le_bytes()].concat();
        assert_eq!(zeros(10), [&head[..], &deflated, &tail].concat());
    }
}
