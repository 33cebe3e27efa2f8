//! A JSON object written from its members, once, into a buffer of exactly its size.

use bytes::Bytes;

/// What a member holds.
#[derive(Clone, Copy)]
pub(super) enum Member<'a> {
    /// Text, escaped where JSON asks for it.
    Text(&'a str),
    /// A whole number.
    Number(u64),
    /// JSON as it is, byte for byte.
    Json(&'a [u8]),
}

/// Writes an object of these members in order, compact; `None` leaves a key out. Keys are written as they are. A buffer
/// without spare room becomes [`Bytes`] without another allocation.
pub(super) fn json_object(members: &[(&str, Option<Member<'_>>)]) -> Bytes {
    let present = || members.iter().filter_map(|(key, member)| member.map(|member| (key, member)));
    // A member is `"key":value`, and each brings the comma before it or the opening brace.
    let size = 1 + present().map(|(key, member)| key.len() + 4 + member.size()).sum::<usize>();
    let mut object = Vec::with_capacity(size.max(2));
    for (key, member) in present() {
        object.extend_from_slice(if object.is_empty() { b"{\"" } else { b",\"" });
        object.extend_from_slice(key.as_bytes());
        object.extend_from_slice(b"\":");
        member.write(&mut object);
    }
    object.extend_from_slice(if object.is_empty() { b"{}" } else { b"}" });
    Bytes::from(object)
}

impl Member<'_> {
    fn size(self) -> usize {
        match self {
            Self::Text(text) => 2 + text.bytes().map(escaped_size).sum::<usize>(),
            Self::Number(number) => number.checked_ilog10().map_or(1, |tens| tens as usize + 1),
            Self::Json(json) => json.len(),
        }
    }

    fn write(self, object: &mut Vec<u8>) {
        match self {
            Self::Text(text) => serde_json::to_writer(object, text).expect("text is written to memory"),
            Self::Number(number) => {
                serde_json::to_writer(object, &number).expect("a number is written to memory");
            }
            Self::Json(json) => object.extend_from_slice(json),
        }
    }
}

/// Bytes that a byte of text takes inside a JSON string.
fn escaped_size(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | 0x08 | 0x09 | 0x0a | 0x0c | 0x0d => 2,
        0x00..=0x1f => 6,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn absent_members_leave_no_trace() {
        assert_eq!(&json_object(&[])[..], b"{}");
        assert_eq!(&json_object(&[("a", None)])[..], b"{}");
        assert_eq!(
            &json_object(&[("a", None), ("b", Some(Member::Number(0))), ("c", None)])[..],
            b"{\"b\":0}"
        );
    }

    proptest! {
        #[test]
        fn its_size_is_foreseen_and_its_members_are_read_back(text in any::<String>(), number in any::<u64>()) {
            let control: String = ('\0'..'\u{80}').collect();
            let members = [("t", Member::Text(&text)), ("n", Member::Number(number)), ("c", Member::Text(&control))];
            let foreseen = 1 + members.iter().map(|(key, member)| key.len() + 4 + member.size()).sum::<usize>();
            let object = json_object(&members.map(|(key, member)| (key, Some(member))));
            prop_assert_eq!(object.len(), foreseen);
            let expected = serde_json::json!({ "t": text, "n": number, "c": control });
            prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&object).unwrap(), expected);
        }
    }
}
