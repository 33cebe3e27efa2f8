use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(url: &str, place: &str, user: Option<&str>, password: Option<&str>, database: i64) {
    let target = Target::parse(url).unwrap_or_else(|problem| panic!("{url}: {problem}"));
    let login = &target.login;
    assert_eq!(target.place.to_string(), place, "{url}");
    assert_eq!((login.username(), login.password(), login.db()), (user, password, database), "{url}");
    assert_eq!(target.wants_tls, url.starts_with("rediss") || url.starts_with("valkeys"), "{url}");
}

#[test]
fn one_server_is_named_by_host_or_by_path() {
    check("redis://h", "h:6379", None, None, 0);
    check("redis://h:1/", "h:1", None, None, 0);
    check("rediss://user:s3cret@h:1/3", "h:1", Some("user"), Some("s3cret"), 3);
    check("valkeys://:s3cret@[::1]:7", "[::1]:7", None, Some("s3cret"), 0);
    check("redis://user@10.0.0.1?protocol=resp3", "10.0.0.1:6379", Some("user"), None, 0);
    check("redis+unix:///run/redis.sock", "/run/redis.sock", None, None, 0);
    check("unix:///a%20b?db=2&user=u&pass=p%40", "/a b", Some("u"), Some("p@"), 2);
}

#[test]
fn passwords_may_be_escaped_and_may_hold_an_at() {
    check("redis://u:p%40%2f%3A%23@h", "h:6379", Some("u"), Some("p@/:#"), 0);
    check("redis://u:p@p@h", "h:6379", Some("u"), Some("p@p"), 0);
    check("redis://u:a:b@h", "h:6379", Some("u"), Some("a:b"), 0);
}

#[test]
fn sentinels_have_a_login_of_their_own() {
    let url = "rediss+sentinel://u:p@a,[fe80::1]:2,c:3/main?db=4&sentinel_user=su&sentinel_password=sp%26";
    check(url, "main by sentinels a:26379,[fe80::1]:2,c:3", Some("u"), Some("p"), 4);
    let Place::Sentinel { login, .. } = Target::parse(url).unwrap().place else { panic!("no sentinels") };
    assert_eq!((login.username(), login.password(), login.db()), (Some("su"), Some("sp&"), 0));
}

#[test]
fn a_cluster_is_named_by_some_of_its_nodes() {
    check("redis+cluster://u:p@a:1,b", "cluster of a:1,b:6379", Some("u"), Some("p"), 0);
    check("rediss+cluster://a/0", "cluster of a:6379", None, None, 0);
}

#[test]
fn what_is_no_url_of_redis_is_refused_and_not_repeated() {
    for bad in [
        "",
        "canary",
        "http://canary",
        "redis://",
        "redis://canary:0",
        "redis://canary:65536",
        "redis://canary:",
        "redis://u:canary%zz@h",
        "redis://u:canary%@h",
        "redis://h/canary",
        "redis://a,b/canary",
        "redis://h?timeout=canary",
        "redis://h/-1",
        "redis://[canary]:1",
        "redis://::1",
        "rediss://canary/#insecure",
        "redis+unix://canary",
        "redis+unix:///",
        "rediss+unix:///canary",
        "redis+sentinel://a:1,b:2",
        "redis+sentinel://a:1,,b:2/canary",
        "redis+sentinel://a/canary?sentinel_pass=canary",
        "redis+cluster://a:1/2",
        "redis+cluster://u:canary@a:1,u:canary@b:2",
        "redis+cluster://a?db=1&canary=1",
    ] {
        let problem = Target::parse(bad).err().unwrap_or_else(|| panic!("{bad} is accepted"));
        assert!(!problem.contains("canary"), "{bad}: {problem}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(redis|rediss|redis\\+sentinel|redis\\+cluster|redis\\+unix)://[a-z0-9:@%/?&=,.\\[\\]é-]{0,40}") {
        let _ = Target::parse(&text);
    }

    #[test]
    fn an_escaped_password_is_the_one_that_was_meant(password in "\\PC{1,20}") {
        let escaped: String = password.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for url in [format!("redis://:{escaped}@h"), format!("redis+cluster://:{escaped}@h,i")] {
            let target = Target::parse(&url).unwrap();
            prop_assert_eq!(target.login.password(), Some(&*password));
        }
    }
}
