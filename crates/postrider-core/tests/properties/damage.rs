//! Small damage to sound bytes.

use proptest::prelude::*;
use proptest::sample::Index;

/// One change at one place.
#[derive(Clone, Debug)]
pub(crate) enum Damage {
    Replace(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    /// A part of it once more.
    Repeat(Index, usize),
    CutOff(Index),
}

/// Any change; what is inserted is mostly one of `pieces`.
pub(crate) fn damage(pieces: &'static [&'static str]) -> impl Strategy<Value = Damage> {
    let piece = prop::sample::select(pieces).prop_map(|piece| piece.as_bytes().to_vec());
    let inserted = prop_oneof![4 => piece, 1 => prop::collection::vec(any::<u8>(), 1..4)];
    prop_oneof![
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Replace(at, byte)),
        6 => (any::<Index>(), inserted).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        3 => (any::<Index>(), 1..6_usize).prop_map(|(at, length)| Damage::Remove(at, length)),
        1 => (any::<Index>(), 1..12_usize).prop_map(|(at, length)| Damage::Repeat(at, length)),
        1 => any::<Index>().prop_map(Damage::CutOff),
    ]
}

impl Damage {
    /// Done to these bytes.
    pub(crate) fn apply(&self, bytes: &mut Vec<u8>) {
        // One place more than there are bytes: things may be put behind them.
        let place = |at: &Index| at.index(bytes.len() + 1);
        match self {
            Self::Replace(at, byte) => {
                if let Some(old) = {
                    let place = place(at);
                    bytes.get_mut(place)
                } {
                    *old = *byte;
                }
            }
            Self::Insert(at, inserted) => {
                let at = place(at);
                bytes.splice(at..at, inserted.iter().copied());
            }
            Self::Remove(at, length) => {
                let at = place(at);
                bytes.drain(at..bytes.len().min(at + length));
            }
            Self::Repeat(at, length) => {
                let at = place(at);
                let part = bytes[at..bytes.len().min(at + length)].to_vec();
                bytes.splice(at..at, part);
            }
            Self::CutOff(at) => bytes.truncate(place(at)),
        }
    }
}

/// Sound bytes with this damage done, one after the other.
pub(crate) fn damaged(sound: &[u8], all: &[Damage]) -> Vec<u8> {
    let mut bytes = sound.to_vec();
    all.iter().for_each(|damage| damage.apply(&mut bytes));
    bytes
}
