//! Compares what became of a case with what the file says. Pure: values in, sentences out.

use postrider_sink::behaviour::{Case, Expectation};

use super::ledger::Record;
use super::run::{After, JobRun, Played, attempts, limit};

/// Most bytes of an answer that a record keeps.
const MAX_KEPT_BYTES: usize = 1024;

/// Beyond the limit of a case, the test's own looking may take so long: it shares its machine with many receivers.
const OWN_SLACK_S: f64 = 1.0;

/// What a record may say of an attempt that got no answer.
const WITHOUT_ANSWER: &[&str] = &[
    "the host name did not resolve",
    "could not connect",
    "the TLS handshake failed",
    "the connection was closed before an answer",
    "the answer is not valid HTTP",
    "no answer within the time limit",
];

/// A sentence for everything that isn't as it should be.
pub(super) fn faults(played: &Played, after: &After) -> Vec<String> {
    let case = played.case;
    let mut faults = wrong_traffic(played);
    faults.extend(wrong_traces(played, after));
    for job in &played.jobs {
        faults.extend(wrong_outcome(case, job, after));
        faults.extend(wrong_records(case, job));
        faults.extend(wrong_times(case, job, after));
    }
    faults.into_iter().map(|fault| format!("{} {}: {fault}", case.id, case.name)).collect()
}

/// What the receiver saw.
fn wrong_traffic(played: &Played) -> Vec<String> {
    let (case, book) = (played.case, &played.book);
    let mut faults = Vec::new();
    if case.requests.is_some_and(|wanted| wanted != book.request_count()) {
        faults.push(format!("{} requests instead of {:?}", book.request_count(), case.requests));
    }
    if book.trapped() > 0 {
        faults.push("the redirect was followed".to_owned());
    }
    let most = case.stored.connections_at_most;
    if most.is_some_and(|most| book.connections() > most) {
        faults.push(format!("{} connections, {most:?} at most are meant", book.connections()));
    }
    let never = case.stored.never_sends.as_deref();
    if never.is_some_and(|name| book.requests().iter().any(|request| request.header(name).is_some())) {
        faults.push(format!("a request has the header {never:?}"));
    }
    faults
}

/// What must be found nowhere.
fn wrong_traces(played: &Played, after: &After) -> Vec<String> {
    let mut faults = Vec::new();
    if after.log.contains("panicked") {
        faults.push("the worker panicked".to_owned());
    }
    let Some(secret) = &played.case.stored.nowhere else { return faults };
    let mut records = played.jobs.iter().flat_map(|job| &job.records);
    if records.any(|record| record.values().any(|value| value.contains(secret))) {
        faults.push("a record holds the secret".to_owned());
    }
    if after.log.contains(secret) {
        faults.push("the log holds the secret".to_owned());
    }
    faults
}

fn wrong_outcome(case: &Case, job: &JobRun, after: &After) -> Option<String> {
    let found = match outcome(job, after) {
        Ok(found) => found,
        Err(fault) => return Some(format!("{}: {fault}", job.id)),
    };
    let fits = found == case.expect || case.also_ok.contains(&found);
    (!fits).then(|| format!("{} is {found}, expected {}; {:?}", job.id, case.expect, job.records))
}

/// What became of a job: by its last record, which the sets of the queue must bear out.
fn outcome(job: &JobRun, after: &After) -> Result<Expectation, String> {
    let last = job.records.last().map(|record| record["outcome"].as_str());
    match (last, after.waiting.contains_key(&job.id), after.dead.get(&job.id)) {
        (Some("delivered"), false, None) => Ok(Expectation::Delivered),
        (Some("retried"), true, None) => Ok(Expectation::Retried),
        (Some("dead"), false, Some(reason)) => Ok(Expectation::Dead(reason.clone())),
        (last, waits, dead) => Err(format!("last record {last:?}, waiting: {waits}, dead: {dead:?}")),
    }
}

fn wrong_records(case: &Case, job: &JobRun) -> Vec<String> {
    let mut faults = Vec::new();
    let numbers: Vec<&str> = job.records.iter().map(|record| record["attempt"].as_str()).collect();
    let wanted: Vec<String> = (1..=attempts(case)).map(|number| number.to_string()).collect();
    if numbers != wanted {
        faults.push(format!("{}: records of attempts {numbers:?} instead of {wanted:?}", job.id));
    }
    for record in &job.records {
        if !is_error_of_the_list(record) {
            faults.push(format!("{}: status {}, error {:?}", job.id, record["status"], record["error"]));
        }
        if record["response"].len() > MAX_KEPT_BYTES {
            faults.push(format!("{}: {} bytes of the answer are kept", job.id, record["response"].len()));
        }
    }
    faults
}

/// Whether a record's error is one of a closed list, and fits its status and outcome.
fn is_error_of_the_list(record: &Record) -> bool {
    let (status, error) = (record["status"].as_str(), record["error"].as_str());
    match (record["outcome"].as_str(), status) {
        ("delivered", _) => error.is_empty(),
        (_, "0") => WITHOUT_ANSWER.contains(&error),
        _ => error == format!("the receiver answered {status}"),
    }
}

fn wrong_times(case: &Case, job: &JobRun, after: &After) -> Vec<String> {
    let (mut faults, limit) = (Vec::new(), limit(case).as_secs_f64());
    let took = job.took.as_secs_f64();
    if case.attempts.is_none() && took > limit + OWN_SLACK_S {
        faults.push(format!("{}: over after {took} s instead of {limit}", job.id));
    }
    for record in &job.records {
        let took = number(record, "ms") / 1000.0;
        if took > limit {
            faults.push(format!("{}: the attempt took {took} s instead of {limit}", job.id));
        }
    }
    if let Some((least, most)) = case.wait_s
        && let (Some(due), Some(last)) = (after.waiting.get(&job.id), job.records.last())
    {
        let wait = (due - number(last, "at")) / 1000.0;
        if !(least..=most).contains(&wait) {
            faults.push(format!("{}: it waits {wait} s instead of {least} to {most}", job.id));
        }
    }
    faults
}

fn number(record: &Record, field: &str) -> f64 {
    record[field].parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use postrider_sink::behaviour::case;

    use super::*;

    /// What is wrong with a job of `status_500` (waits 60 to 73 s) whose record has these fields.
    fn faults_of(fields: &[(&str, &str)], due: Option<f64>) -> Vec<String> {
        let case = case::all().iter().find(|case| case.id == "status-31").unwrap();
        let plain = [("outcome", "retried"), ("status", "500"), ("error", "the receiver answered 500")];
        let more = [("attempt", "1"), ("ms", "5"), ("at", "1000"), ("response", "")];
        let all = plain.iter().chain(&more).chain(fields);
        let record: Record = all.map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let job = JobRun { id: "j".into(), took: Duration::from_millis(10), records: vec![record] };
        let waiting = due.map(|due| ("j".to_owned(), due)).into_iter().collect();
        let after = After { waiting, dead: HashMap::new(), log: String::new() };
        let mut faults = wrong_records(case, &job);
        faults.extend(wrong_outcome(case, &job, &after));
        faults.extend(wrong_times(case, &job, &after));
        faults
    }

    #[test]
    fn each_departure_from_a_case_is_one_fault() {
        let due = Some(62_000.0);
        assert_eq!(faults_of(&[], due), Vec::<String>::new());
        let long = "x".repeat(1025);
        let departures = [
            (("attempt", "2"), due),
            (("error", "Connection refused (os error 111)"), due),
            (("response", long.as_str()), due),
            (("ms", "11001"), due),
            (("at", "3000"), due),
            (("outcome", "delivered"), due),
            (("outcome", "retried"), None),
        ];
        for (field, due) in departures {
            assert!(!faults_of(&[field], due).is_empty(), "{field:?} {due:?}");
        }
    }
}
