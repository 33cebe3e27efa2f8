//! Replies that were damaged token by token, which get further than noise does; the client library's own reader is the oracle.

use postrider_core::entry_id::EntryId;
use postrider_core::job::Field;
use proptest::prelude::*;
use proptest::sample::Index;
use redis::Value;

use super::*;

/// What was read, and how many bytes of it; `None`: the end hasn't come.
type Read = Result<(Option<Vec<Entry>>, usize), &'static str>;

/// An entry's id, and its fields where it has any.
type Entry = (EntryId, Option<Vec<Field>>);

fn bulk(text: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", text.len()).as_bytes(), text, b"\r\n"].concat()
}

fn array(items: usize) -> Vec<u8> {
    format!("*{items}\r\n").into_bytes()
}

/// The tokens of a sound reply.
fn tokens(entries: &[(u64, Vec<Field>)]) -> Vec<Vec<u8>> {
    let mut tokens = vec![array(1), array(2), bulk(b"q"), array(entries.len())];
    for (id, fields) in entries {
        tokens.extend([array(2), bulk(format!("{id}-7").as_bytes()), array(fields.len() * 2)]);
        tokens.extend(fields.iter().flat_map(|(name, value)| [bulk(name), bulk(value)]));
    }
    tokens
}

/// Tokens that are sound by themselves, and some that aren't.
const OTHERS: &[&str] = &[
    "*-1\r\n",
    "$-1\r\n",
    "*0\r\n",
    "*1\r\n",
    "*2\r\n",
    "*3\r\n",
    "*2147483647\r\n",
    "*2147483648\r\n",
    "$0\r\n\r\n",
    "$1\r\na\r\n",
    "$3\r\n1-1\r\n",
    "$2\r\na\r\n",
    "$536870912\r\n",
    "$536870913\r\n",
    ":1\r\n",
    ":-0\r\n",
    "+OK\r\n",
    "-ERR no\r\n",
    "_\r\n",
    "%1\r\n",
    ">2\r\n",
    "*+1\r\n",
    "*01\r\n",
    "\r\n",
    "$\r\n",
    "*",
];

#[derive(Clone, Debug)]
enum Damage {
    Replace(Index, &'static str),
    Insert(Index, &'static str),
    Remove(Index),
    Repeat(Index),
    Swap(Index, Index),
    /// One byte of one token.
    Byte(Index, Index, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    let (at, other) = (any::<Index>, || prop::sample::select(OTHERS));
    prop_oneof![
        (at(), other()).prop_map(|(at, other)| Damage::Replace(at, other)),
        (at(), other()).prop_map(|(at, other)| Damage::Insert(at, other)),
        at().prop_map(Damage::Remove),
        at().prop_map(Damage::Repeat),
        (at(), at()).prop_map(|(one, other)| Damage::Swap(one, other)),
        (at(), at(), any::<u8>()).prop_map(|(at, place, byte)| Damage::Byte(at, place, byte)),
    ]
}

fn apply(damage: &Damage, tokens: &mut Vec<Vec<u8>>) {
    // Never the last one of all: a reply has a start.
    let count = tokens.len();
    match damage {
        Damage::Replace(at, other) => tokens[at.index(count)] = other.as_bytes().to_vec(),
        Damage::Insert(at, other) => tokens.insert(at.index(count + 1), other.as_bytes().to_vec()),
        Damage::Remove(at) if count > 1 => drop(tokens.remove(at.index(count))),
        Damage::Remove(_) => {}
        Damage::Repeat(at) => tokens.insert(at.index(count), tokens[at.index(count)].clone()),
        Damage::Swap(one, other) => tokens.swap(one.index(count), other.index(count)),
        Damage::Byte(at, place, byte) => {
            let token = &mut tokens[at.index(count)];
            let place = place.index(token.len());
            token[place] = *byte;
        }
    }
}

fn any_reply() -> impl Strategy<Value = Vec<u8>> {
    let text = || prop::collection::vec(any::<u8>(), 0..12);
    let fields = prop::collection::vec((text(), text()), 0..5);
    let entries = prop::collection::vec((any::<u64>(), fields), 0..5);
    (entries, prop::collection::vec(damage(), 0..4)).prop_map(|(entries, changes)| {
        let mut tokens = tokens(&entries);
        changes.iter().for_each(|change| apply(change, &mut tokens));
        tokens.concat()
    })
}

/// Fed in these pieces, until the reply is whole.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Read {
    let (mut reply, mut buffer, mut fed) = (ReadReply::default(), BytesMut::new(), 0);
    for piece in pieces {
        buffer.extend_from_slice(piece);
        fed += piece.len();
        let whole = digest(&mut buffer, &mut |token| reply.take(token)).map_err(|malformed| malformed.0)?;
        if let Some(entries) = whole {
            let entries = entries.map_err(|_| "an error of Redis")?;
            let entries = entries.into_iter().map(|entry| (entry.id, entry.fields)).collect();
            return Ok((Some(entries), fed - buffer.len()));
        }
    }
    Ok((None, 0))
}

/// The entries of a reply of the usual form, as the client library has read it.
fn entries_of(value: Value) -> Option<Vec<Entry>> {
    let Value::Array(streams) = value else { return Some(Vec::new()).filter(|_| value == Value::Nil) };
    let stream = <[Value; 1]>::try_from(streams).ok().map(|[stream]| stream)?;
    let Value::Array(stream) = stream else { return None };
    let [Value::BulkString(_), Value::Array(entries)] = <[Value; 2]>::try_from(stream).ok()? else {
        return None;
    };
    entries.into_iter().map(entry_of).collect()
}

fn entry_of(entry: Value) -> Option<Entry> {
    let Value::Array(parts) = entry else { return None };
    let [Value::BulkString(id), fields] = <[Value; 2]>::try_from(parts).ok()? else { return None };
    let fields = match fields {
        Value::Nil => None,
        Value::Array(flat) => Some(fields_of(flat)?),
        _ => return None,
    };
    Some((EntryId::parse(&id)?, fields))
}

fn fields_of(flat: Vec<Value>) -> Option<Vec<Field>> {
    let texts: Vec<Vec<u8>> = flat.into_iter().map(text_of).collect::<Option<_>>()?;
    Some(texts.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect())
}

fn text_of(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(text) => Some(text),
        Value::Nil => Some(Vec::new()),
        _ => None,
    }
}

proptest! {
    #[test]
    fn the_client_library_reads_the_same_for_any_damaged_reply(bytes in any_reply()) {
        if let Ok((Some(entries), length)) = read([&*bytes].into_iter()) {
            let value = redis::parse_redis_value(&bytes[..length]);
            prop_assert!(value.is_ok(), "{}", bytes.escape_ascii());
            if let Some(expected) = entries_of(value.unwrap()) {
                prop_assert_eq!(entries, expected, "{}", bytes.escape_ascii());
            }
        }
    }

    #[test]
    fn pieces_change_nothing_for_any_damaged_reply(bytes in any_reply(), size in 1..40_usize) {
        prop_assert_eq!(read(bytes.chunks(size)), read([&*bytes].into_iter()), "{}", bytes.escape_ascii());
    }

    #[test]
    fn a_reply_ends_where_the_next_one_starts_for_any_damaged_reply(bytes in any_reply(), next in any_reply()) {
        if let whole @ Ok((Some(_), _)) = read([&*bytes].into_iter()) {
            prop_assert_eq!(read([&*bytes, &*next].into_iter()), whole.clone());
            prop_assert_eq!(read([&*[bytes, next].concat()].into_iter()), whole);
        }
    }
}
