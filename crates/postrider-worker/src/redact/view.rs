//! A text with its escapes undone, and where in it everything stands. Programs escape what isn't theirs, some in two ways or
//! twice: JSON inside JSON, JSON inside HTML.

use super::escape::{Escape, Meaning};

/// Most times that escapes of all kinds are undone: a text that goes on longer was made for this.
const MAX_ROUNDS: usize = 16;

/// After so many of them, a text is also searched for a secret as it is; after all, for what the secret itself would become.
const MAX_LAYERS: usize = 3;

/// What a text says in one way of reading it.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// What it says.
    pub(super) bytes: Vec<u8>,
    /// Where each of these bytes begins in the text.
    starts: Vec<usize>,
    /// Where in the text what is read ends: before an escape that was cut.
    end: usize,
}

/// All ways of reading a text.
#[derive(Debug)]
pub(super) struct Views {
    /// Those in which a secret may stand as it is.
    pub(super) literal: Vec<View>,
    /// With everything undone. A secret that looks like an escape itself stands there as [`undone`] makes it.
    pub(super) undone: View,
}

impl Views {
    pub(super) fn of(text: &[u8]) -> Self {
        let mut literal = vec![View::of(text)];
        for kind in Escape::ALL {
            literal.extend(literal[0].without(&[kind], Ending::Cut));
        }
        let mut undone = literal[0].clone();
        for round in 0..MAX_ROUNDS {
            let Some(next) = undone.without(&Escape::ALL, Ending::Cut) else { break };
            undone = next;
            if round < MAX_LAYERS {
                literal.push(undone.clone());
            }
        }
        Self { literal, undone }
    }
}

/// A secret with everything undone.
pub(super) fn undone(secret: &[u8]) -> Vec<u8> {
    let rounds =
        std::iter::successors(Some(View::of(secret)), |view| view.without(&Escape::ALL, Ending::Whole));
    rounds.take(MAX_ROUNDS + 1).last().map(|view| view.bytes).unwrap_or_default()
}

/// What an escape means that has only begun where a text ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// The text was cut: what the escape means isn't known.
    Cut,
    /// It is none.
    Whole,
}

impl View {
    fn of(text: &[u8]) -> Self {
        Self { bytes: text.to_vec(), starts: (0..text.len()).collect(), end: text.len() }
    }

    /// Without escapes of these kinds; `None` where there are none.
    fn without(&self, kinds: &[Escape], ending: Ending) -> Option<Self> {
        if !kinds.iter().any(|kind| self.bytes.contains(&kind.first())) {
            return None;
        }
        let mut view = Self { bytes: Vec::new(), starts: Vec::new(), end: self.end };
        let (mut at, mut has_changed) = (0, false);
        while let Some(first) = self.bytes.get(at) {
            let meanings = kinds.iter().map(|kind| kind.read(&self.bytes[at..]));
            let (byte, length) = match meanings.fold(Meaning::Itself, Meaning::or) {
                Meaning::Cut if ending == Ending::Cut => return Some(Self { end: self.starts[at], ..view }),
                Meaning::Byte { byte, length } => (byte, length),
                Meaning::Itself | Meaning::Cut => (*first, 1),
            };
            view.bytes.push(byte);
            view.starts.push(self.starts[at]);
            (at, has_changed) = (at + length, has_changed || length > 1);
        }
        has_changed.then_some(view)
    }

    /// Where in the text these bytes of the view stand.
    pub(super) fn place(&self, from: usize, to: usize) -> std::ops::Range<usize> {
        let start = |at: usize| self.starts.get(at).copied().unwrap_or(self.end);
        start(from)..start(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_knows_where_its_bytes_stand() {
        let views = Views::of(br"ab\\\u0022cd%4");
        let undone = &views.undone;
        assert_eq!(undone.bytes, br#"ab"cd"#, "a backslash, then a quote: in the second round one escape");
        assert_eq!((undone.place(0, 2), undone.place(2, 3), undone.place(3, 5)), (0..2, 2..10, 10..12));
    }

    #[test]
    fn a_text_without_escapes_is_read_in_one_way() {
        assert_eq!(Views::of(b"nothing to undo").literal.len(), 1);
    }

    #[test]
    fn a_secret_that_ends_like_an_escape_is_whole() {
        assert_eq!(undone(br"a\"), br"a\");
        assert_eq!(undone(b"a%2541&am"), b"aA&am");
    }
}
