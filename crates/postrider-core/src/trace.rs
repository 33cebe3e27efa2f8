//! W3C Trace Context, level 1: the `traceparent` header, read and written. Brings no dice: ids come from the producer, from
//! the caller that has a span, or follow from the job.

use std::fmt;

use http::HeaderValue;
use sha2::{Digest, Sha256};

use crate::entry_id::EntryId;

/// Length of a version 00 header, and of the part of later versions that is known.
const LEN: usize = 55;

/// The id of a span; never all zero.
pub type SpanId = [u8; 8];

/// Bit 0 of the flags: the trace is recorded.
const RECORDED: u8 = 1;

/// Which span of which trace a request belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace_id: [u8; 16],
    parent_id: [u8; 8],
    flags: u8,
}

impl TraceParent {
    /// Puts one together; `None` where an id is all zero, which the specification calls invalid.
    pub fn new(trace_id: [u8; 16], parent_id: [u8; 8], flags: u8) -> Option<Self> {
        (trace_id != [0; 16] && parent_id != [0; 8]).then_some(Self { trace_id, parent_id, flags })
    }

    /// Reads a header's value; `None` where it is malformed, which means to go on without. Of a version above 00, what
    /// version 00 knows is read.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (known, rest) = value.split_at_checked(LEN)?;
        let [version] = hex(&known[..2])?;
        let ends_well = match version {
            0x00 => rest.is_empty(),
            0xff => false,
            _ => matches!(rest, [] | [b'-', ..]),
        };
        if !ends_well || [known[2], known[35], known[52]] != *b"---" {
            return None;
        }
        Self::new(hex(&known[3..35])?, hex(&known[36..52])?, hex::<1>(&known[53..])?[0])
    }

    /// The trace of a job whose producer has begun none: the same for each of its attempts, whichever worker makes it. Its
    /// parent is the span that the trace begins with.
    pub fn of_job(queue: &str, job_id: &str, first_entry: EntryId) -> Self {
        let named = format!("{queue} {job_id} {first_entry}");
        let digest: [u8; 32] = Sha256::digest(named.as_bytes()).into();
        let (mut trace_id, mut parent_id) = ([0; 16], [0; 8]);
        trace_id.copy_from_slice(&digest[..16]);
        parent_id.copy_from_slice(&digest[16..24]);
        // An id of zeros is none. The last bit has no part in `falls_within`.
        trace_id[15] |= 1;
        parent_id[7] |= 1;
        Self { trace_id, parent_id, flags: RECORDED }
    }

    /// Whether the trace is one of this share of all, from 0 to 1; all who ask about a trace come to the same.
    pub fn falls_within(&self, share: f64) -> bool {
        let mut low = [0; 8];
        low.copy_from_slice(&self.trace_id[8..]);
        let part = (u64::from_be_bytes(low) >> 1) as f64 / (1_u64 << 63) as f64;
        part < share
    }

    /// Whether whoever began the trace records it.
    pub fn is_recorded(&self) -> bool {
        self.flags & RECORDED != 0
    }

    /// The same trace, continued by the span `parent_id`; `None` where that is all zero.
    pub fn with_parent(self, parent_id: SpanId) -> Option<Self> {
        Self::new(self.trace_id, parent_id, self.flags)
    }

    /// The trace.
    pub fn trace_id(&self) -> [u8; 16] {
        self.trace_id
    }

    /// The span that the request belongs to.
    pub fn parent_id(&self) -> SpanId {
        self.parent_id
    }

    /// The flags; bit 0 says that the trace is recorded.
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// The header's value, always of version 00.
    pub fn to_header(self) -> HeaderValue {
        HeaderValue::from_bytes(&self.text()).expect("hex digits and hyphens are header text")
    }

    fn text(&self) -> [u8; LEN] {
        let mut text = [b'-'; LEN];
        write_hex(&mut text[..2], &[0]);
        write_hex(&mut text[3..35], &self.trace_id);
        write_hex(&mut text[36..52], &self.parent_id);
        write_hex(&mut text[53..], &[self.flags]);
        text
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().iter().try_for_each(|byte| fmt::Write::write_char(f, char::from(*byte)))
    }
}

/// A span's id from its sixteen lower-case hex digits.
pub(crate) fn parse_span_id(digits: &[u8]) -> Option<SpanId> {
    (digits.len() == 16).then(|| hex(digits)).flatten().filter(|id| *id != [0; 8])
}

/// Bytes from twice as many lower-case hex digits.
fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

fn write_hex(target: &mut [u8], bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in target.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn parse(value: &str) -> Option<TraceParent> {
        TraceParent::parse(value.as_bytes())
    }

    #[test]
    fn a_sound_parent_is_written_as_it_was_read() {
        for value in [GOOD, &GOOD.replace("-01", "-00"), &GOOD.replace("-01", "-ff")] {
            let parent = parse(value).unwrap();
            assert_eq!(parent.to_string(), value);
            assert_eq!(parent.to_header(), value);
        }
    }

    #[test]
    fn a_later_version_is_written_as_version_00() {
        for version in ["01", "cc", "fe"] {
            for rest in ["", "-", "-extra"] {
                let value = format!("{version}{}{rest}", &GOOD[2..]);
                assert_eq!(parse(&value).unwrap().to_string(), GOOD, "{value}");
            }
        }
    }

    #[test]
    fn a_malformed_parent_is_none() {
        let zero_trace = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        let zero_span = "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01";
        let malformed = [
            "",
            "hello",
            zero_trace,
            zero_span,
            &GOOD[..54],
            &GOOD.to_uppercase(),
            &GOOD.replace('-', "_"),
            &GOOD.replace("4bf9", "zzzz"),
            &format!("{GOOD}-x"),
            &format!("{GOOD}-"),
            &format!("{GOOD}\r\nX: 1"),
            &format!(" {GOOD}"),
            &GOOD.replacen("00", "ff", 1),
            &GOOD.replacen("00", "0g", 1),
            &format!("01{}x", &GOOD[2..]),
        ];
        for value in malformed {
            assert_eq!(parse(value), None, "{value:?}");
        }
    }

    #[test]
    fn another_span_of_the_same_trace_keeps_the_flags() {
        let child = parse(GOOD).unwrap().with_parent([0xab; 8]).unwrap();
        assert_eq!(child.to_string(), "00-4bf92f3577b34da6a3ce929d0e0e4736-abababababababab-01");
        assert_eq!(child.with_parent([0; 8]), None);
    }

    #[test]
    fn a_job_has_one_trace_of_its_own_which_no_other_has() {
        let entry = EntryId { millis: 1_764_324_000_123, sequence: 4 };
        let trace = TraceParent::of_job("q", "a", entry);
        assert_eq!(trace, TraceParent::of_job("q", "a", entry));
        assert!(trace.is_recorded() && parse(&trace.to_string()) == Some(trace), "{trace}");
        let replayed = EntryId { millis: 1_764_324_000_124, sequence: 0 };
        for (queue, job, first) in [("p", "a", entry), ("q", "b", entry), ("q", "a", replayed)] {
            assert_ne!(trace.trace_id(), TraceParent::of_job(queue, job, first).trace_id());
        }
    }

    #[test]
    fn a_share_of_all_traces_falls_within_it() {
        let within = |share| {
            let of = |millis| TraceParent::of_job("q", "a", EntryId { millis, sequence: 0 });
            (0..1000).filter(|millis| of(*millis).falls_within(share)).count()
        };
        assert_eq!((within(0.0), within(1.0)), (0, 1000));
        assert!((200..300).contains(&within(0.25)), "{}", within(0.25));
    }

    #[test]
    fn bit_0_of_the_flags_says_whether_a_trace_is_recorded() {
        let recorded = |flags: &str| parse(&GOOD.replace("-01", flags)).unwrap().is_recorded();
        assert_eq!(["-00", "-01", "-02", "-ff"].map(recorded), [false, true, false, true]);
    }

    proptest! {
        #[test]
        fn nothing_panics_for_any_bytes(value in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = TraceParent::parse(&value);
        }

        #[test]
        fn what_is_almost_a_parent_never_panics_and_never_changes(at in 0..LEN, byte in any::<u8>()) {
            let mut value = GOOD.as_bytes().to_vec();
            value[at] = byte;
            if let Some(parent) = TraceParent::parse(&value) {
                prop_assert_eq!(&parent.text()[2..], &value[2..]);
            }
        }

        #[test]
        fn every_parent_survives_the_wire(trace in any::<[u8; 16]>(), span in any::<[u8; 8]>(), flags in any::<u8>()) {
            let parent = TraceParent::new(trace, span, flags);
            prop_assert_eq!(parent.and_then(|parent| TraceParent::parse(parent.to_header().as_bytes())), parent);
        }
    }
}
