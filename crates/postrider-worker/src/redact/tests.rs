use proptest::prelude::*;

use super::*;

/// All of the text, without these secrets.
fn whole(text: &[u8], secrets: &[&[u8]]) -> Vec<u8> {
    blanked(text, secrets.iter().copied(), usize::MAX)
}

#[track_caller]
fn check(text: &str, secrets: &[&str], expected: &str) {
    let secrets: Vec<&[u8]> = secrets.iter().map(|secret| secret.as_bytes()).collect();
    assert_eq!(String::from_utf8_lossy(&whole(text.as_bytes(), &secrets)), expected, "{text}");
}

#[test]
fn secrets_are_blanked_wherever_they_stand() {
    check("a s3cret b s3cret", &["s3cret"], "a [hidden] b [hidden]");
    check("secret-long", &["secret", "secret-long"], "[hidden]");
    check("one-two three", &["one-two", "two three"], "[hidden]");
    check("abc is short", &["abc"], "[hidden] is short");
    check("nothing here", &["s3cret", ""], "nothing here");
    check("", &["s3cret"], "");
}

#[test]
fn escapes_of_json_urls_and_html_hide_nothing() {
    check(r#"{"echo":"a\"b\\c"}"#, &[r#"a"b\c"#], r#"{"echo":"[hidden]"}"#);
    check(r"x whsec_ab\/cd+e x", &["whsec_ab/cd+e"], "x [hidden] x");
    check(r"\u0073\u0033cr\u0065t!", &["s3cret"], "[hidden]!");
    check("k=a%2Fb%2fc%20d+e;z", &["a/b/c d e"], "k=[hidden];z");
    check("%73%33%63%72%65%74;", &["s3cret"], "[hidden];");
    check("<b>a&amp;b&#39;c&quot;d&lt;</b>", &["a&b'c\"d<"], "<b>[hidden]</b>");
}

#[test]
fn escapes_within_escapes_hide_nothing() {
    check("&#115;&#51;&#99;&#x72;&#X65;&#0116;!", &["s3cret"], "[hidden]!");
    check("&lbrack;a&colon;b&equals;&UnderBar;&rsqb;", &["[a:b=_]"], "[hidden]");
    check(r#"{"body":"{\"key\":\"a\\\"b\\\\c\"}"}"#, &[r#"a"b\c"#], r#"{"body":"{\"key\":\"[hidden]\"}"}"#);
    check(r"{'body': '\\u0073\\u0033cr\\x65t'}", &["s3cret"], "{'body': '[hidden]'}");
    check(
        "<pre>{&quot;a&quot;:&quot;x\\&quot;y/z&quot;}</pre>",
        &["x\"y/z"],
        "<pre>{&quot;a&quot;:&quot;[hidden]&quot;}</pre>",
    );
    check("a=s%253cret%2526z&b=1", &["s<ret&z"], "a=[hidden]&b=1");
    check(r"u=C%3a\dir&s=a\\b", &[r"a\b"], r"u=C%3a\dir&s=[hidden]");
}

#[test]
fn a_secret_that_looks_like_an_escape_is_found_in_each_of_its_ways() {
    let secret = r#"a%41"\u0042&amp;z"#;
    for way in Way::ALL {
        check(&format!("<{}>", way.write_all(secret, &[true; 40])), &[secret], "<[hidden]>");
    }
}

#[test]
fn base64_and_hex_of_a_secret_are_blanked_wherever_it_stood_before() {
    use base64::Engine;
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
    let secret = "s3cret?>-4711~~";
    for before in ["", "a", "ab", "abc", "user:"] {
        let text = format!("{before}{secret}!");
        for encoded in [BASE64_STANDARD.encode(&text), BASE64_URL_SAFE_NO_PAD.encode(&text)] {
            let kept = whole(format!("<{encoded}>").as_bytes(), &[secret.as_bytes()]);
            assert!(kept.len() < 24, "{encoded}: {}", kept.escape_ascii());
        }
    }
    check("hex 7333637265742D34373131.", &["s3cret-4711"], "hex [hidden].");
    check("hex 7333637265742d34373131.", &["s3cret-4711"], "hex [hidden].");
}

#[test]
fn what_the_cut_left_of_a_secret_is_blanked_too() {
    check("got s3cr", &["s3cret"], "got [hidden]");
    check("got s3c", &["s3cret"], "got s3c");
    check("got s3cr%6", &["s3cret"], "got [hidden]");
    check(r"got a/b/\u00", &["a/b/c/d"], "got [hidden]");
    check("got aaaa&am", &["aaaa&b"], "got [hidden]");
    check("got &#115;&#51;&#99;&#114;&#10", &["s3cret"], "got [hidden]");
    check(r#"got \"s3cr\\\"#, &[r#"s3cr"et"#], r#"got \"[hidden]"#);
}

#[test]
fn a_secret_across_the_end_of_what_is_kept_leaves_nothing_of_it() {
    let delivery = delivery("https://hooks.example/", &[("secret", "s3cret-4711")]);
    for before in MAX_KEPT_BYTES - 12..=MAX_KEPT_BYTES {
        for way in Way::ALL {
            let echo = way.write_all("s3cret-4711", &[true; 40]);
            let text = format!("{}{echo}{}", "x".repeat(before), "y".repeat(200));
            let kept = kept(text.as_bytes(), &delivery, None);
            assert!(kept.len() <= MAX_KEPT_BYTES && kept[..before].iter().all(|byte| *byte == b'x'));
            assert!(BLANK.starts_with(kept[before..].split(|byte| *byte == b'y').next().unwrap()), "{way:?}");
        }
    }
    let blanks = kept("s3cret-4711 ".repeat(90).as_bytes(), &delivery, None);
    assert_eq!(blanks.len(), 9 * 85 + 8, "{}", blanks.escape_ascii());
}

#[test]
fn much_of_a_long_secret_is_a_secret() {
    let secret = "0123456789abcdefghij";
    check("Bearer 0123456789abcdef...", &[secret], "Bearer [hidden]...");
    check("0123456789abcde...", &[secret], "0123456789abcde...");
}

fn delivery(to: &str, fields: &[(&str, &str)]) -> Delivery {
    delivery_for(&[&[("to", to)], fields].concat(), None)
}

fn delivery_for(fields: &[(&str, &str)], hook: Option<&Hook>) -> Delivery {
    use postrider_core::delivery::Defaults;
    use postrider_core::endpoint::EndpointCache;
    use postrider_core::entry_id::EntryId;
    use postrider_core::job::{EntryKind, Job, ParseContext};
    use postrider_core::profile::{Profile, ProfileSettings, Profiles};
    use postrider_core::time::Timestamp;

    let mut context = ParseContext {
        kind: EntryKind::Job,
        max_job_bytes: 1 << 20,
        event_id_suffix: "".into(),
        endpoints: EndpointCache::default(),
    };
    let all = [&[("type", "note"), ("content", "{}"), ("userId", "u"), ("hookId", "h")], fields].concat();
    let fields = all.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    let job = Job::parse(EntryId { millis: 1, sequence: 1 }, fields.collect(), &mut context).unwrap();
    let defaults = Defaults {
        profile: Profile::Misskey,
        timeout: std::time::Duration::from_secs(10),
        max_attempts: 1,
        profiles: Profiles::new(&ProfileSettings::default()).unwrap(),
    };
    let now = Timestamp::parse_rfc3339("2026-11-24T00:00:00Z").unwrap();
    Delivery::assemble(&job, hook, &defaults, &mut context.endpoints, now).unwrap()
}

#[track_caller]
fn check_kept(delivery: &Delivery, answer: &str, expected: &str) {
    assert_eq!(String::from_utf8_lossy(&kept(answer.as_bytes(), delivery, None)), expected, "{answer}");
}

#[test]
fn what_only_the_hook_has_is_hidden_too() {
    let record =
        br#"{"url":"https://hooks.example/own/canary-hook-path?k=v","active":true,"secret":"canary-current",
        "secrets":[{"secret":"canary-signing","until":"2027-01-01T00:00:00Z"},
                   {"secret":"canary-over","until":"2026-01-01T00:00:00Z"},{"secret":"canary-endless"}],
        "headers":{"X-Own":"canary-own","X-Both":"canary-overridden"}}"#;
    let hook = Hook::parse(record).unwrap();
    let echo = "current signing over endless own overridden job both hook-path".replace(' ', " canary-");
    for own in [
        &[("to", "https://other.example/in"), ("secret", "canary-job"), ("header:x-both", "canary-both")][..],
        &[("header:x-both", "canary-both"), ("header:x-c", "canary-job")],
    ] {
        let delivery = delivery_for(own, Some(&hook));
        let kept =
            String::from_utf8(kept(format!("canary-{echo}").as_bytes(), &delivery, Some(&hook))).unwrap();
        assert_eq!(kept, ["[hidden]"; 9].join(" "));
    }
}

#[test]
fn nothing_of_the_url_behind_its_port_is_kept() {
    let delivery = delivery("https://hooks.example/services/T%2F0/canary-path?key=canary%20key&n=1", &[]);
    check_kept(&delivery, "Cannot POST /services/T%2F0/canary-path", "Cannot POST [hidden]");
    check_kept(&delivery, "no route /services/T/0/canary-path!", "no route [hidden]!");
    check_kept(
        &delivery,
        r#"{"token":"canary-path","query":{"key":"canary key"}}"#,
        r#"{"token":"[hidden]","query":{"key":"[hidden]"}}"#,
    );
    check_kept(&delivery, "hooks.example says: n must be 2", "hooks.example says: n must be 2");
}

#[test]
fn the_parts_of_a_header_and_the_key_of_a_secret_are_secrets_too() {
    let key = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let secret = format!("whsec_{key}");
    let delivery = delivery(
        "https://hooks.example/",
        &[("secret", &secret), ("header:Authorization", "Bearer canary-token")],
    );
    check_kept(&delivery, &format!("bad key {key}"), "bad key [hidden]");
    check_kept(&delivery, "token canary-token of Bearer is bad", "token [hidden] of Bearer is bad");
}

#[test]
fn the_bytes_of_a_key_are_a_secret_however_they_are_printed() {
    let bytes: [u8; 32] = std::array::from_fn(|n| (n * 41 + 7) as u8);
    let secret = format!("whsec_{}", BASE64_STANDARD.encode(bytes));
    let delivery = delivery("https://hooks.example/", &[("secret", &secret), ("profile", "standard")]);
    let each =
        |write: fn(u8) -> String| bytes.iter().map(|byte| write(*byte)).collect::<String>().into_bytes();
    for printed in [
        bytes.to_vec(),
        each(|byte| format!("{byte:02x}")),
        each(|byte| format!("{byte:02X}")),
        each(|byte| format!("\\x{byte:02x}")),
        each(|byte| format!("\\u{byte:04x}")),
        each(|byte| format!("%{byte:02X}")),
        each(|byte| char::from(byte).to_string()),
        String::from_utf8_lossy(&bytes).into_owned().into_bytes(),
    ] {
        let text = [b"key=<", &*printed, b">"].concat();
        let kept = kept(&text, &delivery, None);
        assert_eq!(kept, b"key=<[hidden]>", "{} in {}", kept.escape_ascii(), text.escape_ascii());
    }
}

#[test]
fn an_answer_to_more_headers_than_can_be_searched_for_is_not_kept() {
    let parts: String = (0..=MAX_HIDDEN).map(|n| format!("part-{n:03},")).collect();
    let delivery = delivery("https://hooks.example/", &[("header:X-Many", &parts)]);
    check_kept(&delivery, "an honest answer", "[hidden]");
    check_kept(&delivery, "", "");
}

/// Ways of writing a text; each escapes at least what it escapes by.
#[derive(Clone, Copy, Debug)]
enum Way {
    Plain,
    Url,
    LowerUrl,
    Json,
    SlashJson,
    Html,
    Decimal,
    Hexadecimal,
    JsonTwice,
    UrlTwice,
    JsonInHtml,
    UrlInJson,
}

impl Way {
    const ALL: [Self; 12] = [
        Self::Plain,
        Self::Url,
        Self::LowerUrl,
        Self::Json,
        Self::SlashJson,
        Self::Html,
        Self::Decimal,
        Self::Hexadecimal,
        Self::JsonTwice,
        Self::UrlTwice,
        Self::JsonInHtml,
        Self::UrlInJson,
    ];

    fn write(self, byte: u8, if_it_may: bool) -> String {
        let char = char::from(byte);
        match self {
            Self::Url if if_it_may || char == '%' => format!("%{byte:02X}"),
            Self::LowerUrl if if_it_may || char == '%' => format!("%{byte:02x}"),
            Self::Json | Self::SlashJson if "\"\\".contains(char) => format!("\\{char}"),
            Self::SlashJson if char == '/' => "\\/".into(),
            Self::Json if if_it_may => format!("\\u{byte:04x}"),
            Self::Decimal if if_it_may || char == '&' => format!("&#{byte};"),
            Self::Hexadecimal if if_it_may || char == '&' => format!("&#x{byte:x};"),
            Self::Html if "&<>\"'".contains(char) => match char {
                '&' => "&amp;".into(),
                '<' => "&lt;".into(),
                '>' => "&gt;".into(),
                '"' => "&quot;".into(),
                _ => "&#39;".into(),
            },
            _ => char.to_string(),
        }
    }

    /// `where_it_may` says for single bytes whether they are escaped though they needn't be.
    fn write_all(self, secret: &str, where_it_may: &[bool]) -> String {
        let (inner, outer) = match self {
            Self::JsonTwice => (Self::SlashJson, Self::SlashJson),
            Self::UrlTwice => (Self::Url, Self::LowerUrl),
            Self::JsonInHtml => (Self::Json, Self::Html),
            Self::UrlInJson => (Self::Url, Self::Json),
            once => (Self::Plain, once),
        };
        let may = where_it_may.iter().cycle();
        let write = |way: Self, text: &str| -> String {
            text.bytes().zip(may.clone()).map(|(byte, if_it_may)| way.write(byte, *if_it_may)).collect()
        };
        write(outer, &write(inner, secret))
    }
}

fn any_way() -> impl Strategy<Value = Way> {
    prop::sample::select(Way::ALL.to_vec())
}

proptest! {
    #[test]
    fn nothing_of_it_is_left_for_any_secret(
        secret in "[!-~]{6,40}",
        way in any_way(),
        where_it_may in prop::collection::vec(any::<bool>(), 40),
        // Nothing that could be a part of it.
        around in "[äöü ]{0,20}",
    ) {
        let echo = way.write_all(&secret, &where_it_may);
        let text = format!("{around}{echo}{around}");
        let blanked = whole(text.as_bytes(), &[secret.as_bytes()]);
        prop_assert_eq!(String::from_utf8(blanked).unwrap(), format!("{around}[hidden]{around}"), "{}", echo);
    }

    #[test]
    fn a_cut_leaves_no_more_than_its_start_for_any_secret(
        secret in "[!-~]{6,40}",
        way in any_way(),
        where_it_may in prop::collection::vec(any::<bool>(), 40),
        cut in any::<prop::sample::Index>(),
    ) {
        let echo = way.write_all(&secret, &where_it_may);
        let text = &echo[..cut.index(echo.len())];
        let kept = whole(text.as_bytes(), &[secret.as_bytes()]);
        // Three characters, each written in up to eighteen bytes, and the start of a fourth.
        prop_assert!(kept == BLANK || kept.len() < 4 * 18, "{}", kept.escape_ascii());
    }

    #[test]
    fn nothing_panics_for_any_text(
        text in prop::collection::vec(any::<u8>(), 0..200),
        secret in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let _ = whole(&text, &[&secret]);
        let _ = decoded(&text);
    }
}
