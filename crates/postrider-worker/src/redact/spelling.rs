//! Ways in which programs write bytes that aren't theirs: as they are, in base64, in hex.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// A shorter piece of base64 or hex may stand in a text by accident.
const MIN_ENCODED_CHARS: usize = 8;

/// A secret as it may be written.
#[derive(Debug)]
pub(super) struct Spelling {
    kind: Kind,
    characters: Vec<u8>,
    /// Characters before and behind it that hold bits of it too.
    margins: (usize, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Base64,
    Hex,
}

impl Spelling {
    /// As it is.
    pub(super) fn plain(secret: Vec<u8>) -> Self {
        Self { kind: Kind::Plain, characters: secret, margins: (0, 0) }
    }

    /// All that are known.
    pub(super) fn all(secret: &[u8]) -> Vec<Self> {
        let hex = Self { kind: Kind::Hex, characters: hex(secret), margins: (0, 0) };
        let encoded = (0..3).map(|offset| Self::base64_behind(secret, offset)).chain([hex]);
        let long = encoded.filter(|spelling| spelling.len() >= MIN_ENCODED_CHARS);
        std::iter::once(Self::plain(secret.to_vec())).chain(long).collect()
    }

    /// In base64 behind so many other bytes.
    fn base64_behind(secret: &[u8], offset: usize) -> Self {
        let encoded = BASE64_STANDARD.encode([&[0; 3][..offset], secret].concat());
        let bytes = offset + secret.len();
        // The characters at its edges also hold bits of its neighbours.
        let own = encoded.as_bytes()[..bytes * 8 / 6].get([0, 2, 3][offset]..).unwrap_or_default();
        let margins = (usize::from(offset > 0), usize::from(!bytes.is_multiple_of(3)));
        Self { kind: Kind::Base64, characters: own.to_vec(), margins }
    }

    /// Its length in characters.
    pub(super) fn len(&self) -> usize {
        self.characters.len()
    }

    /// Characters before and behind it that hold bits of it too.
    pub(super) fn margins(&self) -> (usize, usize) {
        self.margins
    }

    /// Where in `text` it may begin.
    pub(super) fn first_in(&self, text: &[u8]) -> Option<usize> {
        let first = *self.characters.first()?;
        let other = self.kind.other(first);
        text.iter().position(|byte| *byte == first || *byte == other)
    }

    /// How many of its characters `text` begins with.
    pub(super) fn follow(&self, text: &[u8]) -> usize {
        let is_written =
            |(character, byte): &(&u8, &u8)| character == byte || self.kind.other(**character) == **byte;
        self.characters.iter().zip(text).take_while(is_written).count()
    }
}

impl Kind {
    /// What is also written for a character.
    fn other(self, character: u8) -> u8 {
        match (self, character) {
            // In forms.
            (Self::Plain, b' ') => b'+',
            (Self::Base64, b'+') => b'-',
            (Self::Base64, b'/') => b'_',
            (Self::Hex, letter) => letter.to_ascii_uppercase(),
            (_, same) => same,
        }
    }
}

fn hex(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}
