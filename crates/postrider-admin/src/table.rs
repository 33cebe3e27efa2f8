//! What a route is: its path, who may ask, what it takes and what it gives. The router, the OpenAPI document and the checks
//! of every request are all made of these, so that no route can be without one of them.

use axum::http::{Method, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use crate::auth::Least;
use crate::call::{Answer, Call};
use crate::problem::Problem;

/// Most items of one page.
pub(crate) const MAX_LIMIT: u64 = 100;

/// Items of a page where none is asked for.
pub(crate) const DEFAULT_LIMIT: u64 = 50;

/// Longest cursor in characters: those that are given out are shorter.
const MAX_CURSOR_CHARS: usize = 2048;

/// Does what a route is for.
pub(crate) type Handler = fn(Call) -> BoxFuture<'static, Result<Answer, Problem>>;

/// One route.
pub(crate) struct Route {
    pub(crate) method: Method,
    /// Behind `/api/v1`.
    pub(crate) path: &'static str,
    pub(crate) least: Least,
    /// Its name in the document.
    pub(crate) id: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) query: &'static [Field],
    pub(crate) body: Body,
    pub(crate) success: StatusCode,
    /// What a successful answer holds.
    pub(crate) gives: Gives,
    pub(crate) run: Handler,
}

impl Route {
    /// One that takes neither query nor body, and answers 200.
    pub(crate) fn plain(
        method: Method,
        path: &'static str,
        least: Least,
        id: &'static str,
        summary: &'static str,
        gives: Gives,
        run: Handler,
    ) -> Self {
        Self {
            method,
            path,
            least,
            id,
            summary,
            query: &[],
            body: Body::None,
            success: StatusCode::OK,
            gives,
            run,
        }
    }
}

/// What a route takes as its body.
#[derive(Clone, Copy)]
pub(crate) enum Body {
    /// Nothing.
    None,
    /// An object with these keys. Those of kind [`Kind::Any`] are checked by the handler.
    Fields(&'static [Field]),
    /// The fields of a job, as `postrider enqueue -` reads them; checked by the handler.
    Job,
}

/// What a successful answer holds.
#[derive(Clone, Copy)]
pub(crate) enum Gives {
    Nothing,
    /// One object of this schema.
    One(&'static str),
    /// A page of them: `{"items": […], "next": "…" | null}`.
    Page(&'static str),
}

/// A value with a name, in a query or a body.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) is_needed: bool,
    pub(crate) help: &'static str,
}

/// What a value may be.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A text of so many characters at most, and at least 1.
    Text(usize),
    /// A user's id.
    UserId,
    /// A whole number within bounds.
    Whole(u64, u64),
    /// `true` or `false`.
    Switch,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Where the last page ended, as [`cursor_of`] writes it; handlers see the place itself.
    Cursor,
    /// What the handler makes of it; the JSON schema says what it should be.
    Any(&'static str),
}

impl Field {
    pub(crate) const fn optional(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { name, kind, is_needed: false, help }
    }

    pub(crate) const fn needed(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { name, kind, is_needed: true, help }
    }

    /// The field as the document has it.
    pub(crate) fn schema(&self) -> Value {
        let mut schema = self.kind.schema();
        schema["description"] = self.help.into();
        schema
    }
}

/// How far a list goes.
pub(crate) const LIMIT: Field =
    Field::optional("limit", Kind::Whole(1, MAX_LIMIT), "Most items of the page; 50 where it isn't given");
/// Where a list goes on.
pub(crate) const CURSOR: Field =
    Field::optional("cursor", Kind::Cursor, "`next` of the page before, as it was given");

impl Kind {
    pub(crate) fn schema(self) -> Value {
        match self {
            Self::Text(most) => json!({ "type": "string", "minLength": 1, "maxLength": most }),
            Self::UserId => json!({ "type": "string", "pattern": "^[!-~]{1,128}$" }),
            Self::Whole(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
            Self::Switch => json!({ "type": "boolean" }),
            Self::OneOf(words) => json!({ "type": "string", "enum": words }),
            Self::Cursor => {
                json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": MAX_CURSOR_CHARS })
            }
            Self::Any(schema) => {
                serde_json::from_str(schema).expect("schemas of fields are literals of JSON")
            }
        }
    }

    /// The rule that a value of a body breaks.
    fn fault(self, value: &Value) -> Option<String> {
        let fits = match self {
            Self::Text(most) => value.as_str().is_some_and(|text| (1..=most).contains(&text.chars().count())),
            Self::UserId => value.as_str().is_some_and(postrider_core::hook::id::is_user_id),
            Self::Whole(least, most) => value.as_u64().is_some_and(|number| (least..=most).contains(&number)),
            Self::Switch => value.is_boolean(),
            Self::OneOf(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Self::Cursor => value.is_string(),
            Self::Any(_) => true,
        };
        (!fits).then(|| self.rule())
    }

    fn rule(self) -> String {
        match self {
            Self::Text(most) => format!("must be a text of 1 to {most} characters"),
            Self::UserId => "must be 1 to 128 visible ASCII characters".to_owned(),
            Self::Whole(least, most) => format!("must be a whole number from {least} to {most}"),
            Self::Switch => "must be true or false".to_owned(),
            Self::OneOf(words) => format!("must be one of {}", words.join(", ")),
            Self::Cursor => "must be the next of the page before".to_owned(),
            Self::Any(_) => "is not accepted".to_owned(),
        }
    }

    /// The value that a query's text stands for; itself where it stands for none.
    fn read(self, text: String) -> Value {
        match self {
            Self::Whole(..) => text.parse::<u64>().map_or(Value::String(text), Value::from),
            Self::Switch if text == "true" || text == "false" => Value::Bool(text == "true"),
            Self::Cursor => place_of(&text).map_or(Value::Null, Value::String),
            _ => Value::String(text),
        }
    }
}

/// A place in a list as clients get it: of letters, digits, `-` and `_`, so that it can be put into a URL as it is.
pub(crate) fn cursor_of(place: &str) -> String {
    URL_SAFE_NO_PAD.encode(place)
}

fn place_of(cursor: &str) -> Option<String> {
    let is_short = (1..=MAX_CURSOR_CHARS).contains(&cursor.len());
    let place = URL_SAFE_NO_PAD.decode(cursor).ok().filter(|_| is_short)?;
    String::from_utf8(place).ok()
}

/// The values of a query, or all that is wrong with them: unknown ones too.
pub(crate) fn read_query(
    fields: &[Field],
    given: impl IntoIterator<Item = (String, String)>,
) -> Result<Map<String, Value>, Problem> {
    let (mut read, mut errors) = (Map::new(), Vec::new());
    for (name, text) in given {
        let kind = fields.iter().find(|field| field.name == name).map(|field| field.kind);
        let is_repeated = read.contains_key(&name);
        match kind {
            Some(_) if is_repeated => errors.push((name, "is given twice".to_owned())),
            Some(kind) => drop(read.insert(name, kind.read(text))),
            None => errors.push((shown(&name), "is not a parameter of this route".to_owned())),
        }
    }
    check(fields, &read, &mut errors);
    if errors.is_empty() { Ok(read) } else { Err(Problem::invalid(errors)) }
}

/// The same for the keys of a body.
pub(crate) fn check_body(fields: &[Field], given: &Map<String, Value>) -> Result<(), Problem> {
    let is_unknown = |name: &&String| !fields.iter().any(|field| field.name == **name);
    let unknown = given.keys().filter(is_unknown);
    let mut errors: Vec<_> =
        unknown.map(|name| (shown(name), "is not a field that can be set".to_owned())).collect();
    check(fields, given, &mut errors);
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

fn check(fields: &[Field], given: &Map<String, Value>, errors: &mut Vec<(String, String)>) {
    for field in fields {
        let fault = match given.get(field.name) {
            Some(value) => field.kind.fault(value),
            None => field.is_needed.then(|| "is missing".to_owned()),
        };
        errors.extend(fault.map(|fault| (field.name.to_owned(), fault)));
    }
}

/// A stranger's name, short and printable.
fn shown(name: &str) -> String {
    postrider_core::fault::printable(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(given: &[(&str, &str)]) -> bool {
        let given = given.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        read_query(&[LIMIT, CURSOR], given).is_ok()
    }

    #[test]
    fn a_query_is_taken_whole_or_not_at_all() {
        assert!(query(&[]) && query(&[("limit", "100"), ("cursor", &cursor_of("7 a/b"))]));
        for bad in [
            ("limit", "101"),
            ("limit", "0"),
            ("limit", "-1"),
            ("limit", "x"),
            ("cursor", ""),
            ("cursor", "7 a/b"),
            ("cursor", "_w"),
            ("token", "x"),
        ] {
            assert!(!query(&[bad]), "{bad:?}");
        }
        assert!(!query(&[("limit", "1"), ("limit", "1")]));
    }
}
