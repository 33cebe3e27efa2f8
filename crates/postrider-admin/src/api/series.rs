//! The counters of a queue over time.

use axum::http::{Method, StatusCode};
use postrider_store::figures::Counts;
use postrider_store::figures::series::{Series, Span};
use postrider_store::queue::Queue;
use serde_json::{Value, json};

use crate::auth::Least;
use crate::call::{Answer, Call};
use crate::problem::Problem;
use crate::table::{Body, Field, Gives, Kind, Route};

const SPANS: &[&str] = &["hour", "day", "week"];

const QUERY: &[Field] = &[Field::optional(
    "span",
    Kind::OneOf(SPANS),
    "An hour by the minute, which is what holds where it isn't given, a day by the quarter, or a week by the hour",
)];

pub(super) fn routes() -> Vec<Route> {
    vec![Route {
        method: Method::GET,
        path: "/queues/{queue}/series",
        least: Least::Reader,
        id: "getSeries",
        summary: "What came of a queue's jobs over time; the last step is the one that goes on",
        query: QUERY,
        body: Body::None,
        success: StatusCode::OK,
        gives: Gives::One("Series"),
        run: |call| Box::pin(show(call)),
    }]
}

async fn show(call: Call) -> Result<Answer, Problem> {
    let queue = call.queue()?;
    let (name, span) = match call.text("span") {
        Some("week") => ("week", Span::Week),
        Some("day") => ("day", Span::Day),
        _ => ("hour", Span::Hour),
    };
    let mut link = call.link_to(queue).await;
    // It looks on, and is no consumer.
    let series = Queue::new(queue.clone(), "", 0).series(&mut link, span).await?;
    Answer::ok(shown(queue.as_str(), name, &series))
}

fn shown(queue: &str, span: &str, series: &Series) -> Value {
    let mut shown = json!({
        "queue": queue,
        "span": span,
        "from": series.from.as_millis(),
        "stepMs": u64::try_from(series.step.as_millis()).unwrap_or(u64::MAX),
    });
    for (at, outcome) in Counts::OUTCOMES.iter().enumerate() {
        let of = |counts: &Counts| counts.iter().nth(at).map_or(0, |(_, count)| count);
        shown[*outcome] = series.steps.iter().map(of).collect();
    }
    shown
}

/// Shapes of answers, for the document.
pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    let numbers = || json!({ "type": "array", "items": { "type": "integer", "minimum": 0 } });
    let mut series = json!({
        "type": "object",
        "required": ["queue", "span", "from", "stepMs"],
        "properties": {
            "queue": { "type": "string" },
            "span": { "type": "string", "enum": SPANS },
            "from": { "type": "integer", "description": "When the first step begins, epoch ms" },
            "stepMs": { "type": "integer", "description": "How long each is" },
        },
    });
    for outcome in Counts::OUTCOMES {
        series["properties"][outcome] = numbers();
    }
    vec![("Series", series)]
}
