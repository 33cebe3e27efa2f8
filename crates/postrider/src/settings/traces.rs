//! `traces.*`: whether traces are told, to whom, and of which jobs.

use std::collections::HashMap;
use std::fmt;

use http::{HeaderName, HeaderValue};
use postrider_core::endpoint::Endpoint;

use super::kind::Kind;
use super::reader::Reader;
use super::units::split_list;

/// Where OTLP over HTTP takes traces, below the collector's URL.
const PATH: &str = "/v1/traces";

/// The variable that all of OpenTelemetry's programs read.
const STANDARD_VARIABLE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// `traces.*`.
#[derive(Clone, Debug)]
pub(crate) struct Traces {
    /// `traces.endpoint`, with the path; none where no traces are told.
    pub(crate) endpoint: Option<Endpoint>,
    /// What the collector is shown.
    pub(crate) headers: HeaderList,
    /// The share of the jobs without a `traceparent` that get a trace of their own.
    pub(crate) share: f64,
}

impl Traces {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let own = reader.optional("traces.endpoint", |_, text| collector(text));
        Self {
            endpoint: own.or_else(standard),
            headers: reader.plain("traces.headers", |_, text| HeaderList::parse(text)),
            share: reader.plain("traces.share", Kind::share),
        }
    }

    /// The collector, without the path.
    pub(crate) fn collector(&self) -> &str {
        let url = self.endpoint.as_ref().map_or("", |endpoint| endpoint.as_str());
        url.strip_suffix(PATH).unwrap_or(url)
    }
}

fn collector(text: &str) -> Option<Endpoint> {
    let base = text.trim_end_matches('/');
    if base.contains(['?', '#']) {
        return None;
    }
    Endpoint::parse(format!("{base}{PATH}").as_bytes()).ok()
}

/// One that can't be read is other programs' business.
fn standard() -> Option<Endpoint> {
    std::env::var(STANDARD_VARIABLE).ok().and_then(|text| collector(&text))
}

/// Headers whose values are secrets. `Debug` shows none.
#[derive(Clone, Default)]
pub(crate) struct HeaderList(Vec<(String, String)>);

impl HeaderList {
    fn parse(text: &str) -> Option<Self> {
        split_list(text).into_iter().map(header).collect::<Option<_>>().map(Self)
    }
}

fn header(item: &str) -> Option<(String, String)> {
    let (name, value) = item.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let is_sound = HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_str(value).is_ok();
    is_sound.then(|| (name.to_ascii_lowercase(), value.to_owned()))
}

impl From<HeaderList> for HashMap<String, String> {
    fn from(list: HeaderList) -> Self {
        list.0.into_iter().collect()
    }
}

impl fmt::Debug for HeaderList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_traces_is_added_to_the_collectors_url() {
        let url = |text: &str| collector(text).map(|endpoint| endpoint.as_str().to_owned());
        for (text, expected) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://collector:4318/", "http://collector:4318/v1/traces"),
            ("https://otlp.example/tenant", "https://otlp.example/tenant/v1/traces"),
        ] {
            assert_eq!(url(text).as_deref(), Some(expected));
        }
        for bad in
            ["collector:4318", "grpc://collector:4317", "http://u:p@collector", "http://collector/?key=1"]
        {
            assert_eq!(url(bad), None, "{bad}");
        }
    }

    #[test]
    fn headers_are_pairs_and_their_values_are_never_shown() {
        let list = HeaderList::parse("Authorization=Bearer canary==, x-scope=team").unwrap();
        assert_eq!(format!("{list:?}"), r#"["authorization", "x-scope"]"#);
        let map = HashMap::from(list);
        assert_eq!(map["authorization"], "Bearer canary==");
        assert!(HeaderList::parse("").is_some());
        assert!(["a", "a b=c", "=c", "a=b\nc", "a=b,"].iter().all(|bad| HeaderList::parse(bad).is_none()));
    }
}
