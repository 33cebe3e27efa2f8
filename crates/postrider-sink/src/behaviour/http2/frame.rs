//! Frames of HTTP/2 (RFC 9113, section 4 and 6), as far as the plays send them. Never touches a socket.

/// The setting that says how much of a body may be sent at first.
pub(super) const INITIAL_WINDOW_SIZE: u16 = 4;

/// Most bytes of a payload while the other side hasn't allowed more.
const MAX_PAYLOAD: usize = 16 * 1024;

/// `:status: 200` in the static table of HPACK (RFC 7541, appendix A).
const STATUS_200: u8 = 0x88;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

/// Types of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data = 0,
    Headers = 1,
    Reset = 3,
    Settings = 4,
    Ping = 6,
    GoAway = 7,
    WindowUpdate = 8,
    Continuation = 9,
    /// Any other; sent as one that no RFC defines.
    Unknown = 0xbb,
}

impl Kind {
    fn of(code: u8) -> Self {
        let known = [
            Self::Data,
            Self::Headers,
            Self::Reset,
            Self::Settings,
            Self::Ping,
            Self::GoAway,
            Self::WindowUpdate,
            Self::Continuation,
        ];
        known.into_iter().find(|kind| *kind as u8 == code).unwrap_or(Self::Unknown)
    }
}

/// Why a stream or connection ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reason {
    NoError = 0,
    RefusedStream = 7,
    EnhanceYourCalm = 11,
}

/// A frame's head: the length of its payload, and the frame that is still without.
pub(super) fn read_head(head: [u8; 9]) -> (usize, Frame) {
    let [a, b, c, kind, flags, d, e, f, g] = head;
    let stream = u32::from_be_bytes([d, e, f, g]) & (u32::MAX >> 1);
    let length = u32::from_be_bytes([0, a, b, c]) as usize;
    (length, Frame { flags, ..Frame::of(Kind::of(kind), stream) })
}

impl Frame {
    /// An empty one.
    pub(super) fn of(kind: Kind, stream: u32) -> Self {
        Self { kind, flags: 0, stream, payload: Vec::new() }
    }

    pub(super) fn settings(settings: &[(u16, u32)]) -> Self {
        let pairs = settings
            .iter()
            .flat_map(|(name, value)| name.to_be_bytes().into_iter().chain(value.to_be_bytes()));
        Self { payload: pairs.collect(), ..Self::of(Kind::Settings, 0) }
    }

    pub(super) fn ping() -> Self {
        Self { payload: b"postride".to_vec(), ..Self::of(Kind::Ping, 0) }
    }

    /// Lets the other side send so many bytes more; stream 0 is the connection.
    pub(super) fn window(stream: u32, bytes: u32) -> Self {
        Self { payload: bytes.to_be_bytes().to_vec(), ..Self::of(Kind::WindowUpdate, stream) }
    }

    pub(super) fn reset(stream: u32, reason: Reason) -> Self {
        Self { payload: (reason as u32).to_be_bytes().to_vec(), ..Self::of(Kind::Reset, stream) }
    }

    /// No stream after `last` was or will be looked at.
    pub(super) fn go_away(last: u32, reason: Reason) -> Self {
        let payload = [last.to_be_bytes(), (reason as u32).to_be_bytes()].concat();
        Self { payload, ..Self::of(Kind::GoAway, 0) }
    }

    /// A whole answer: 200, without a body.
    pub(super) fn accepting(stream: u32) -> Self {
        let flags = END_HEADERS | END_STREAM;
        Self { flags, payload: vec![STATUS_200], ..Self::of(Kind::Headers, stream) }
    }

    /// The same with so many headers of so many bytes each.
    pub(super) fn accepting_with_list(stream: u32, (count, bytes): (usize, usize)) -> Vec<Self> {
        let mut list = vec![STATUS_200];
        for number in 0..count {
            list.extend(header(&format!("x-{number}"), &"a".repeat(bytes)));
        }
        let mut frames: Vec<Self> = list
            .chunks(MAX_PAYLOAD)
            .map(|part| Self { payload: part.to_vec(), ..Self::of(Kind::Continuation, stream) })
            .collect();
        if let Some(first) = frames.first_mut() {
            (first.kind, first.flags) = (Kind::Headers, END_STREAM);
        }
        if let Some(last) = frames.last_mut() {
            last.flags |= END_HEADERS;
        }
        frames
    }

    /// The same as an answer to the other side's frame.
    pub(super) fn acknowledging(self) -> Self {
        Self { flags: self.flags | ACK, ..self }
    }

    /// The same head, with a body to come.
    pub(super) fn with_more(self) -> Self {
        Self { flags: self.flags & !END_STREAM, ..self }
    }

    /// The same head, with more headers to come.
    pub(super) fn without_end_of_head(self) -> Self {
        Self { flags: self.flags & !END_HEADERS, ..self }
    }

    pub(super) fn is_acknowledgement(&self) -> bool {
        self.flags & ACK != 0
    }

    /// Whether the message on its stream is whole.
    pub(super) fn ends_message(&self) -> bool {
        matches!(self.kind, Kind::Headers | Kind::Data) && self.flags & END_STREAM != 0
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let length = (self.payload.len() as u32).to_be_bytes();
        let stream = self.stream.to_be_bytes();
        [&length[1..], &[self.kind as u8, self.flags], &stream, &self.payload].concat()
    }
}

/// A header in the plainest form of HPACK: not indexed, with a new name (RFC 7541, section 6.2.2).
fn header(name: &str, value: &str) -> Vec<u8> {
    [vec![0], string(name), string(value)].concat()
}

/// A string without compression (RFC 7541, section 5.2): its length with a prefix of 7 bits, then itself.
fn string(text: &str) -> Vec<u8> {
    const PREFIX: usize = 127;
    let mut bytes = Vec::new();
    match text.len().checked_sub(PREFIX) {
        None => bytes.push(text.len() as u8),
        Some(mut rest) => {
            bytes.push(PREFIX as u8);
            while rest >= 128 {
                bytes.push((rest % 128) as u8 | 128);
                rest /= 128;
            }
            bytes.push(rest as u8);
        }
    }
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        for frame in [
            Frame::ping().acknowledging(),
            Frame::accepting(5).with_more(),
            Frame::go_away(3, Reason::EnhanceYourCalm),
            Frame::settings(&[(INITIAL_WINDOW_SIZE, 0)]),
            Frame::of(Kind::Unknown, 0),
        ] {
            let bytes = frame.to_bytes();
            let (length, head) = read_head(bytes[..9].try_into().unwrap());
            assert_eq!(Frame { payload: bytes[9..].to_vec(), ..head }, frame);
            assert_eq!(length, frame.payload.len());
        }
    }

    /// The example of RFC 7541, section C.1.2, with a prefix two bits longer: 1337 is 127 and 1210.
    #[test]
    fn long_strings_tell_their_length_in_several_bytes() {
        assert_eq!(string(&"a".repeat(1337))[..4], [0x7f, 0xba, 0x09, b'a']);
        assert_eq!(string("ab"), [2, b'a', b'b']);
    }

    #[test]
    fn a_long_list_goes_on_in_continuations() {
        let frames = Frame::accepting_with_list(1, (5, 4096));
        let kinds: Vec<_> = frames.iter().map(|frame| (frame.kind, frame.flags)).collect();
        assert_eq!(kinds, [(Kind::Headers, END_STREAM), (Kind::Continuation, END_HEADERS)]);
    }
}
