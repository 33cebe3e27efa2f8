//! The files of the console, as they lie in `console/`: what is edited there is served by the next build, with no step between.

use std::sync::LazyLock;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

macro_rules! files {
    ($($name:literal,)*) => {
        const FILES: &[(&str, &[u8])] = &[$(($name, include_bytes!(concat!("../../console/", $name))),)*];
    };
}

files! {
    "api.js",
    "app.js",
    "bulk.js",
    "chart.js",
    "curl.js",
    "dom.js",
    "format.js",
    "hook_form.js",
    "icon.svg",
    "index.html",
    "listing.js",
    "pages/dead.js",
    "pages/destinations.js",
    "pages/doctor.js",
    "pages/hook.js",
    "pages/hooks.js",
    "pages/job.js",
    "pages/jobs.js",
    "pages/login.js",
    "pages/overview.js",
    "pages/retries.js",
    "parts.css",
    "parts.js",
    "shapes.css",
    "style.css",
    "tables.css",
}

/// Changes with any of the files, so that a browser never mixes those of two versions for longer than one page.
static TAG: LazyLock<HeaderValue> = LazyLock::new(|| {
    let mut all = Sha256::new();
    FILES.iter().for_each(|(_, bytes)| all.update(bytes));
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&all.finalize()[..12]));
    HeaderValue::try_from(tag).expect("base64 is visible ASCII")
});

/// One of the files; nothing is sent where the browser has it already.
pub(super) fn answer(name: &str, headers: &HeaderMap) -> Response {
    let Some((_, bytes)) = FILES.iter().find(|(known, _)| *known == name) else {
        return (StatusCode::NOT_FOUND, "the console has no such file\n").into_response();
    };
    let kept = [(ETAG, TAG.clone()), (CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    if headers.get(IF_NONE_MATCH) == Some(&*TAG) {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    let kind = [(CONTENT_TYPE, HeaderValue::from_static(kind_of(name)))];
    (kept, kind, *bytes).into_response()
}

fn kind_of(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/javascript; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("console")
    }

    fn names_in(folder: &Path, before: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{before}{}", entry.file_name().into_string().unwrap());
            match entry.file_type().unwrap().is_dir() {
                true => names_in(&entry.path(), &format!("{name}/"), found),
                false => found.push(name),
            }
        }
    }

    #[test]
    fn every_file_of_the_folder_is_served() {
        let mut found = Vec::new();
        names_in(&folder(), "", &mut found);
        found.sort();
        assert_eq!(found, FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }

    #[test]
    fn no_file_knows_a_way_to_make_markup_or_code_of_text_or_names_another_host() {
        let ways = [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "javascript:",
        ];
        for (name, bytes) in FILES {
            let text = std::str::from_utf8(bytes).unwrap();
            for way in ways {
                assert!(!text.contains(way), "{name} has {way}");
            }
            let examples = [
                "http://www.w3.org/2000/svg",
                "https://…",
                "https://host",
                "https://hooks.example",
                "https:// or http://",
            ];
            let text = examples.iter().fold(text.to_owned(), |text, known| text.replace(known, ""));
            assert!(!text.contains("://"), "{name} names another host");
        }
    }

    #[test]
    fn a_browser_that_has_a_file_is_sent_nothing() {
        let mut headers = HeaderMap::new();
        assert_eq!(answer("app.js", &headers).status(), StatusCode::OK);
        headers.insert(IF_NONE_MATCH, TAG.clone());
        assert_eq!(answer("app.js", &headers).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(answer("../Cargo.toml", &headers).status(), StatusCode::NOT_FOUND);
    }
}
