//! TLS to Redis: spoken where it is wanted, never without verifying, and never given up for the lack of it.

use std::path::PathBuf;
use std::time::Duration;

use postrider_tests::ports::free_port;
use postrider_tests::redis_server::RedisOptions;
use postrider_tests::world::{World, WorldOptions};

use super::postrider;

/// Connections a second that a worker which is refused may make: its pauses grow from 50 ms to a second.
const MAX_TRIES: u64 = 30;

/// A file of the test certificates.
fn file(name: &str) -> String {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = tests.parent().unwrap().join("crates/postrider-sink/certificates");
    folder.join(name).to_str().unwrap().to_owned()
}

fn identity<'a>(certificate: &'a str, key: &'a str) -> [(&'static str, &'a str); 2] {
    [("POSTRIDER_REDIS_CLIENT_CERT_FILE", certificate), ("POSTRIDER_REDIS_CLIENT_KEY_FILE", key)]
}

/// Redis with TLS at a port of its own, beside the plain one; no worker yet.
struct TlsWorld {
    world: World,
    port: u16,
}

impl TlsWorld {
    async fn start(certificate: &str, clients: &str) -> Self {
        Self::start_with(certificate, clients, &[]).await
    }

    async fn start_with(certificate: &str, clients: &str, more: &[&str]) -> Self {
        let port = free_port();
        let extra = [
            ("--tls-port", port.to_string()),
            ("--tls-cert-file", file(certificate)),
            ("--tls-key-file", file("key.pem")),
            ("--tls-ca-cert-file", file("ca.pem")),
            ("--tls-auth-clients", clients.to_owned()),
        ];
        let extra = extra.into_iter().flat_map(|(name, value)| [name.to_owned(), value]);
        let extra = extra.chain(more.iter().map(|word| (*word).to_owned())).collect();
        let redis = RedisOptions { extra, ..RedisOptions::default() };
        Self { world: World::with(WorldOptions { redis, ..WorldOptions::default().workers(0) }).await, port }
    }

    fn url(&self) -> String {
        format!("rediss://127.0.0.1:{}", self.port)
    }

    /// A worker over TLS that trusts the test authority; more settings come on top.
    fn add_worker(&mut self, more: &[(&str, &str)]) {
        let (url, ca) = (self.url(), file("ca.pem"));
        let settings = [("POSTRIDER_REDIS_URL", &*url), ("POSTRIDER_REDIS_CA_FILE", &*ca)];
        self.world.add_worker(&[&settings[..], more].concat());
    }

    async fn delivers(&mut self) {
        self.world.workers[0].wait_ready().await;
        self.world.send_to("/in", &[]).await;
        self.world.receiver.wait_for(1).await;
        self.world.settled().await;
    }

    /// The worker's probe is red for this cause, and it doesn't knock without pause.
    async fn is_refused(&mut self, cause: &str) {
        let told = || async {
            let (status, body) = self.world.workers[0].readyz().await;
            if status == 503 && body.contains(cause) { Ok(()) } else { Err(format!("{status} {body}")) }
        };
        self.world.until("the probe names the cause", Duration::from_secs(10), told).await;
        let before = self.connections().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let tries = self.connections().await - before;
        assert!(tries < MAX_TRIES, "{tries} connections a second");
        assert_eq!(self.world.workers[0].healthz().await.0, 200);
        assert!(self.world.workers[0].log().contains(cause), "{}", self.world.workers[0].log());
    }

    async fn connections(&self) -> u64 {
        let stats: String = self.world.query(redis::cmd("INFO").arg("stats")).await;
        let line = stats.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
        line.unwrap().trim().parse().unwrap()
    }
}

#[tokio::test]
async fn a_worker_delivers_over_tls_and_shows_its_certificate() {
    let mut tls = TlsWorld::start("good.pem", "yes").await;
    let (certificate, key) = (file("good.pem"), file("key.pem"));
    let identity = identity(&certificate, &key);
    tls.add_worker(&identity);
    tls.delivers().await;
    let (url, ca) = (tls.url(), file("ca.pem"));
    let settings =
        [&[("POSTRIDER_REDIS_URL", &*url), ("POSTRIDER_REDIS_CA_FILE", &*ca)], &identity[..]].concat();
    let to = tls.world.receiver.url("/in");
    for arguments in [
        &["enqueue", "--to", &to, "--type", "note", "--content", "{}"][..],
        &["hooks", "list", "--user", "u"],
    ] {
        let told =
            postrider(arguments, &[&settings[..], &[("POSTRIDER_SSRF_ALLOW", "127.0.0.0/8")]].concat());
        assert_eq!(told.code, Some(0), "{told:?}");
    }
    tls.world.receiver.wait_for(2).await;
}

#[tokio::test]
async fn a_cluster_behind_tls_is_followed_to_its_tls_ports() {
    let bus_port = free_port().to_string();
    let cluster = ["--cluster-enabled", "yes", "--cluster-port", &bus_port, "--tls-cluster", "yes"];
    let mut tls = TlsWorld::start_with("good.pem", "no", &cluster).await;
    let mut share = redis::cmd("CLUSTER");
    let () = tls.world.query(share.arg("ADDSLOTSRANGE").arg(0).arg(16_383)).await;
    let url = format!("rediss+cluster://127.0.0.1:{}", tls.port);
    tls.add_worker(&[("POSTRIDER_REDIS_URL", &url), ("POSTRIDER_EVENTS_STREAM", "")]);
    tls.delivers().await;
}

#[tokio::test]
async fn a_stop_wakes_the_read_over_tls_at_once() {
    let mut tls = TlsWorld::start("good.pem", "no").await;
    tls.add_worker(&[]);
    tls.delivers().await;
    let worker = &mut tls.world.workers[0];
    worker.sigterm();
    let stopped = std::time::Instant::now();
    assert_eq!(worker.wait_exit(Duration::from_secs(10)).await, Some(0));
    assert!(stopped.elapsed() < Duration::from_millis(900), "{:?}", stopped.elapsed());
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_refused_with_its_cause() {
    let mut tls = TlsWorld::start("good.pem", "no").await;
    tls.add_worker(&[("POSTRIDER_REDIS_CA_FILE", "")]);
    tls.is_refused("invalid peer certificate: UnknownIssuer").await;
    let url = tls.url();
    let told = postrider(&["hooks", "list", "--user", "u"], &[("POSTRIDER_REDIS_URL", &*url)]);
    assert_eq!(told.code, Some(3), "{told:?}");
    assert!(told.stderr.contains("UnknownIssuer"), "{told:?}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_with_its_cause() {
    let mut tls = TlsWorld::start("wrong_name.pem", "no").await;
    tls.add_worker(&[]);
    tls.is_refused("certificate not valid for name").await;
}

#[tokio::test]
async fn a_worker_without_a_certificate_is_told_that_one_is_wanted() {
    let mut tls = TlsWorld::start("good.pem", "yes").await;
    tls.add_worker(&[]);
    tls.is_refused("CertificateRequired").await;
}

#[tokio::test]
async fn tls_where_none_is_spoken_is_a_clear_error() {
    let mut tls = TlsWorld::start("good.pem", "no").await;
    let url = format!("rediss://127.0.0.1:{}", tls.world.redis.port());
    tls.add_worker(&[("POSTRIDER_REDIS_URL", &url)]);
    tls.is_refused("if the server speaks no TLS at this port").await;
}

#[tokio::test]
async fn no_tls_where_it_is_wanted_is_a_clear_error() {
    let mut tls = TlsWorld::start("good.pem", "no").await;
    let url = format!("redis://127.0.0.1:{}", tls.port);
    tls.world.add_worker(&[("POSTRIDER_REDIS_URL", &url)]);
    tls.is_refused("if the server wants TLS, redis.url begins with rediss").await;
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_with_their_setting() {
    let (url, ca, cert, key) = ("rediss://127.0.0.1:1", file("ca.pem"), file("good.pem"), file("key.pem"));
    let check = |settings: &[(&str, &str)], key: &str, said: &str| {
        let settings = [settings, &[("POSTRIDER_REDIS_URL", url)]].concat();
        for command in ["worker", "hooks list"] {
            let told = postrider(&command.split(' ').collect::<Vec<_>>(), &settings);
            assert_eq!(told.code, Some(2), "{told:?}");
            assert!(
                told.stderr.starts_with(&format!("postrider: {key} ")) && told.stderr.contains(said),
                "{told:?}"
            );
            assert_eq!(told.stderr.lines().count(), 1, "{told:?}");
        }
    };
    check(&[("POSTRIDER_REDIS_CA_FILE", "/absent.pem")], "redis.ca_file", "/absent.pem");
    check(&[("POSTRIDER_REDIS_CA_FILE", &key)], "redis.ca_file", "certificates");
    check(&identity(&key, &key), "redis.client_cert_file", "certificate");
    check(&identity(&cert, &cert), "redis.client_key_file", "private key");
    check(&identity(&ca, &key), "redis.client_key_file", "of the certificate");
    check(&identity(&cert, ""), "redis.client_cert_file", "redis.client_key_file");
    let plain = [("POSTRIDER_REDIS_URL", "redis://127.0.0.1:1"), ("POSTRIDER_REDIS_CA_FILE", &*ca)];
    let told = postrider(&["worker"], &plain);
    assert_eq!((told.code, told.stderr.contains("rediss")), (Some(2), true), "{told:?}");
}
