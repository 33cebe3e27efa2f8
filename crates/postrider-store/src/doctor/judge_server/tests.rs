//! One server in good health, and what each thing that is wrong with it leads to.

use super::*;

fn healthy() -> ServerFacts {
    ServerFacts {
        version: "7.0.15".into(),
        eviction: "noeviction".into(),
        used_memory: 50,
        max_memory: 100,
        append_only: true,
        append_fsync: Some("everysec".into()),
        replicas: vec![Replica { address: "b:6379".into(), is_online: true, offset: 90, lag: 0 }],
        offset: 100,
        min_replicas: Some(0),
        clients: 10,
        max_clients: 1000,
        clock_ahead: Some(3),
        ..ServerFacts::default()
    }
}

/// The worst of what is found, of one code, on a server that was healthy but for one thing.
#[track_caller]
fn check(code: Code, expected: Severity, spoil: impl FnOnce(&mut ServerFacts)) -> Finding {
    let mut facts = healthy();
    spoil(&mut facts);
    let findings = judge_server(&facts, false);
    let of_code = findings.iter().filter(|finding| finding.code == code);
    let worst = of_code.max_by_key(|finding| finding.severity).expect("something is said of it").clone();
    assert_eq!(worst.severity, expected, "{worst:?}");
    assert!(worst.remedy.is_some() || worst.severity <= Severity::Note, "{worst:?}");
    worst
}

#[test]
fn a_healthy_server_gives_no_cause_for_action() {
    let findings = judge_server(&healthy(), false);
    assert!(findings.iter().all(|finding| finding.severity == Severity::Ok), "{findings:#?}");
}

#[test]
fn old_and_evicting_servers_are_unfit() {
    assert!(is_unfit(&check(Code::Version, Severity::Error, |facts| facts.version = "6.2.6".into())));
    let evicts = check(Code::Eviction, Severity::Error, |facts| facts.eviction = "allkeys-lru".into());
    assert!(is_unfit(&evicts) && evicts.sentence.contains("maxmemory-policy allkeys-lru"));
    assert!(!is_unfit(
        &check(Code::Eviction, Severity::Warning, |facts| facts.eviction = "volatile-lru".into())
    ));
    let allowed = judge_server(&ServerFacts { eviction: "allkeys-lru".into(), ..healthy() }, true);
    assert!(!allowed.iter().any(is_unfit));
    check(Code::Version, Severity::Ok, |facts| facts.version = "8.2.3".into());
}

#[test]
fn what_is_not_kept_is_told() {
    check(Code::Persistence, Severity::Warning, |facts| facts.append_only = false);
    check(Code::Persistence, Severity::Warning, |facts| facts.append_fsync = Some("no".into()));
    check(Code::Persistence, Severity::Ok, |facts| facts.append_fsync = Some("always".into()));
    check(Code::Writes, Severity::Error, |facts| facts.append_fails = true);
    check(Code::Writes, Severity::Error, |facts| facts.rewrite_fails = true);
    check(Code::Writes, Severity::Error, |facts| facts.snapshot_fails = true);
}

#[test]
fn memory_is_told_at_seventy_and_at_eighty_five_percent() {
    for (used, severity) in
        [(69, Severity::Ok), (70, Severity::Note), (85, Severity::Warning), (120, Severity::Warning)]
    {
        check(Code::Memory, severity, |facts| facts.used_memory = used);
    }
    check(Code::Memory, Severity::Note, |facts| facts.max_memory = 0);
}

#[test]
fn replicas_that_fail_are_told() {
    check(Code::Replication, Severity::Error, |facts| facts.is_replica = true);
    check(Code::Replication, Severity::Note, |facts| facts.replicas.clear());
    check(Code::Replication, Severity::Warning, |facts| facts.replicas[0].is_online = false);
    check(Code::Replication, Severity::Warning, |facts| facts.replicas[0].lag = 10);
    check(Code::Replication, Severity::Warning, |facts| facts.offset = 10 << 20);
    check(Code::Replication, Severity::Error, |facts| facts.min_replicas = Some(2));
    check(Code::Replication, Severity::Ok, |facts| facts.min_replicas = Some(1));
}

#[test]
fn clocks_and_connections_are_told() {
    let ahead = check(Code::Clock, Severity::Warning, |facts| facts.clock_ahead = Some(3_600_000));
    assert!(ahead.sentence.contains("3600.0 s ahead"), "{}", ahead.sentence);
    check(Code::Clock, Severity::Warning, |facts| facts.clock_ahead = Some(-1001));
    check(Code::Connections, Severity::Warning, |facts| facts.clients = 990);
}

#[test]
fn a_server_that_tells_nothing_is_not_blamed() {
    let findings = judge_server(&ServerFacts::default(), false);
    assert!(findings.iter().all(|finding| finding.severity <= Severity::Note), "{findings:#?}");
}
