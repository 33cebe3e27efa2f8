use postrider_core::job::Field;
use proptest::prelude::*;
use tokio::io::DuplexStream;

use super::*;

/// An entry as a test names it: its id's milliseconds, and its fields where it has any.
type Entry = (u64, Option<Vec<Field>>);

fn array(items: usize) -> Vec<u8> {
    format!("*{items}\r\n").into_bytes()
}

fn bulk(text: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", text.len()).as_bytes(), text, b"\r\n"].concat()
}

fn entry(entry: &Entry) -> Vec<u8> {
    let mut bytes = [array(2), bulk(format!("{}-0", entry.0).as_bytes())].concat();
    match &entry.1 {
        None => bytes.extend(b"*-1\r\n"),
        Some(fields) => {
            bytes.extend(array(fields.len() * 2));
            bytes.extend(fields.iter().flat_map(|(name, value)| [bulk(name), bulk(value)].concat()));
        }
    }
    bytes
}

fn reply(entries: &[Vec<u8>]) -> Vec<u8> {
    [array(1), array(2), bulk(b"q"), array(entries.len()), entries.concat()].concat()
}

/// Feeds a reply in pieces, as a socket might, and gives what it held and how many bytes were left over.
fn fed(pieces: impl Iterator<Item = Vec<u8>>) -> Result<Option<Vec<Entry>>, String> {
    let (mut reply, mut buffer) = (ReadReply::default(), BytesMut::new());
    for piece in pieces {
        buffer.extend_from_slice(&piece);
        let whole =
            digest(&mut buffer, &mut |token| reply.take(token)).map_err(|fault| fault.0.to_owned())?;
        if let Some(entries) = whole {
            assert!(buffer.is_empty(), "{} bytes are left over", buffer.len());
            let entries = entries.map_err(|error| crate::fault::describe(&error))?;
            return Ok(Some(entries.into_iter().map(|entry| (entry.id.millis, entry.fields)).collect()));
        }
    }
    Ok(None)
}

#[track_caller]
fn check(bytes: &[u8], entries: &[Entry]) {
    assert_eq!(fed([bytes.to_vec()].into_iter()), Ok(Some(entries.to_vec())), "in one piece");
    assert_eq!(fed(bytes.iter().map(|byte| vec![*byte])), Ok(Some(entries.to_vec())), "byte by byte");
    for end in 0..bytes.len() {
        assert_eq!(fed([bytes[..end].to_vec()].into_iter()), Ok(None), "cut at {end}");
    }
}

fn field(name: &[u8], value: &[u8]) -> Field {
    (name.to_vec(), value.to_vec())
}

#[test]
fn odd_entries_harm_no_other() {
    let twice = (1, Some(vec![field(b"a", b"1"), field(b"a", b"2")]));
    let not_utf8 = (2, Some(vec![field(b"a\xff", b"\xfe\r\n")]));
    let gone = (3, None);
    let empty = (4, Some(Vec::new()));
    let last = (9, Some(vec![field(b"", b"")]));
    let sound = [&twice, &not_utf8, &gone, &empty, &last];
    let mut parts: Vec<Vec<u8>> = sound.map(entry).to_vec();
    let no_id = [array(2), bulk(b"no id"), b"*-1\r\n".to_vec()].concat();
    let odd_number = [array(2), bulk(b"5-0"), array(3), bulk(b"a"), b"$-1\r\n".to_vec(), bulk(b"b")].concat();
    parts.splice(3..3, [no_id, b"*-1\r\n".to_vec(), b"*0\r\n".to_vec(), odd_number]);
    let read = [twice, not_utf8, gone, (5, Some(vec![field(b"a", b"")])), empty, last];
    check(&reply(&parts), &read);
}

#[test]
fn a_read_that_timed_out_holds_nothing() {
    for nothing in [b"*-1\r\n".to_vec(), b"$-1\r\n".to_vec(), b"*0\r\n".to_vec(), reply(&[])] {
        check(&nothing, &[]);
    }
}

#[test]
fn an_error_keeps_its_code() {
    let told = fed([b"-NOGROUP No such key 'q'\r\n".to_vec()].into_iter());
    assert_eq!(told, Err("NOGROUP No such key 'q'".to_owned()));
}

#[test]
fn what_is_no_reply_to_a_read_is_refused() {
    let deep = [array(1).repeat(5), array(0)].concat();
    let number_for_entry = reply(&[b":1\r\n".to_vec()]);
    let error_inside = reply(&[b"-ERR x\r\n".to_vec()]);
    for bad in [&deep, &number_for_entry, &error_inside, &b"+OK\r\n".to_vec(), &bulk(b"x")] {
        assert!(fed([bad.clone()].into_iter()).is_err(), "{:?}", String::from_utf8_lossy(bad));
    }
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let text = || prop::collection::vec(any::<u8>(), 0..20);
    let fields = prop::collection::vec((text(), text()), 0..6);
    (any::<u64>(), prop::option::weighted(0.9, fields))
}

/// The bytes cut at these places.
fn pieces(bytes: &[u8], cuts: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    let mut start = 0;
    ends.into_iter().map(|end| bytes[std::mem::replace(&mut start, end)..end].to_vec()).collect()
}

proptest! {
    #[test]
    fn what_redis_wrote_is_read_for_any_pieces_it_comes_in(
        entries in prop::collection::vec(any_entry(), 0..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let bytes = reply(&entries.iter().map(entry).collect::<Vec<_>>());
        prop_assert_eq!(fed(pieces(&bytes, &cuts).into_iter()), Ok(Some(entries)));
    }

    #[test]
    fn nothing_panics_for_any_damaged_reply(
        entries in prop::collection::vec(any_entry(), 1..4),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        noise in prop::collection::vec(prop::sample::select(b"*$:+-\r\n019a".to_vec()), 0..60),
    ) {
        let mut bytes = reply(&entries.iter().map(entry).collect::<Vec<_>>());
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        for input in [bytes, noise] {
            let (mut reply, mut buffer) = (ReadReply::default(), BytesMut::from(&input[..]));
            let _ = digest(&mut buffer, &mut |token| reply.take(token));
        }
    }
}

fn settings(url: &str) -> RedisConnectionInfo {
    redis::IntoConnectionInfo::into_connection_info(url).unwrap().redis_settings().clone()
}

/// Plays Redis: expects what is sent, then answers.
async fn play(mut server: DuplexStream, script: &[(&str, &str)]) -> DuplexStream {
    for (expected, answer) in script {
        let mut sent = vec![0; expected.len()];
        server.read_exact(&mut sent).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&sent), *expected);
        server.write_all(answer.as_bytes()).await.unwrap();
    }
    server
}

async fn logged_in(url: &str, script: &[(&str, &str)]) -> (Result<RespConnection, RedisError>, DuplexStream) {
    let (client, server) = tokio::io::duplex(1 << 16);
    let settings = settings(url);
    tokio::join!(RespConnection::over(Box::new(client), &settings), play(server, script))
}

const LOGIN: &str = "*3\r\n$4\r\nAUTH\r\n$4\r\nuser\r\n$6\r\ns3cret\r\n";

#[tokio::test]
async fn the_handshake_presents_user_and_password_and_selects_the_database() {
    let script = [(LOGIN, "+OK\r\n"), ("*2\r\n$6\r\nSELECT\r\n$1\r\n7\r\n", "+OK\r\n")];
    assert!(logged_in("redis://user:s3cret@h/7", &script).await.0.is_ok());
    let alone = [("*2\r\n$4\r\nAUTH\r\n$6\r\ns3cret\r\n", "+OK\r\n")];
    assert!(logged_in("redis://:s3cret@h", &alone).await.0.is_ok());
    assert!(logged_in("redis://h", &[]).await.0.is_ok());
}

#[tokio::test]
async fn a_refused_login_is_denied_and_a_full_server_is_not() {
    for (answer, class) in [
        ("-WRONGPASS invalid username-password pair\r\n", FaultClass::Denied),
        ("-ERR AUTH <password> called without any password configured\r\n", FaultClass::Denied),
        ("-ERR max number of clients reached\r\n", FaultClass::Reconnect),
    ] {
        let error = logged_in("redis://user:s3cret@h", &[(LOGIN, answer)]).await.0.err().unwrap();
        assert_eq!(FaultClass::of(&error), class, "{answer}");
        assert!(!format!("{error:?}").contains("s3cret"));
    }
}

#[tokio::test]
async fn an_error_leaves_the_connection_usable_and_a_lost_reply_does_not() {
    let (connection, server) = logged_in("redis://h", &[]).await;
    let (mut connection, ask) = (connection.unwrap(), redis::cmd("PING"));
    let ping = "*1\r\n$4\r\nPING\r\n";
    let script = [(ping, "-LOADING Redis is loading\r\n"), (ping, ":7\r\n")];
    let asking = async { (connection.number(&ask).await, connection.number(&ask).await) };
    let ((refused, answered), server) = tokio::join!(asking, play(server, &script));
    assert_eq!(FaultClass::of(&refused.unwrap_err()), FaultClass::BackOff);
    assert_eq!(answered.unwrap(), Some(7));
    tokio::select! {
        biased;
        _ = connection.number(&ask) => panic!("nobody answered"),
        () = std::future::ready(()) => {}
    }
    drop(server);
    assert_eq!(FaultClass::of(&connection.number(&ask).await.unwrap_err()), FaultClass::Reconnect);
}

#[tokio::test]
async fn the_end_of_the_connection_is_an_error() {
    let (connection, server) = logged_in("redis://h", &[]).await;
    drop(server);
    let error = connection.unwrap().read_entries(&redis::cmd("PING")).await.unwrap_err();
    assert_eq!(FaultClass::of(&error), FaultClass::Reconnect);
}
