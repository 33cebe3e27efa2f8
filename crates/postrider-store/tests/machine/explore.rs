//! Draws sequences, runs each, and shortens one that is wrong.

use std::cell::{Cell, RefCell};

use postrider_store::connect::Connector;
use postrider_store::link::Link;
use postrider_tests::redis_server::{RedisOptions, RedisServer};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tokio::runtime::Runtime;

use crate::draw::sequences;
use crate::machine::Machine;
use crate::steps::Step;
use crate::swap::Swap;

/// Sequences of a run that nobody asked more of: a few seconds.
const FEW: u32 = 120;

/// Most tries to shorten a sequence that is wrong: a minute or two.
const MAX_TRIES: u32 = 1_000;

/// A Redis, and a machine on it.
pub(crate) struct Laboratory {
    machine: RefCell<Machine>,
    // After the machine: its connections are gone before the server.
    redis: RedisServer,
    runtime: Runtime,
}

impl Laboratory {
    /// With the scripts as they are.
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let options = RedisOptions { append_fsync: None, ..RedisOptions::default() };
        let redis = runtime.block_on(RedisServer::start_with(options));
        let machine = runtime.block_on(machine_on(&redis, None));
        Self { machine: RefCell::new(machine), redis, runtime }
    }

    /// From now on with one script in another's place.
    pub(crate) fn put_in_place(&self, swap: Swap) {
        self.machine.replace(self.runtime.block_on(machine_on(&self.redis, Some(swap))));
    }

    /// Runs one sequence.
    pub(crate) fn run(&self, steps: &[Step]) -> Result<(), String> {
        self.runtime.block_on(self.machine.borrow_mut().run(steps))
    }

    /// How many sequences are drawn until one is wrong, of so many at most.
    pub(crate) fn drawn_until_wrong(&self, most: u32, seed: u64) -> Result<u32, String> {
        let drawn = Cell::new(0);
        let found = self.run_all(most, seed, 0, |steps| {
            drawn.set(drawn.get() + 1);
            self.run(steps)
        });
        match found {
            Ok(()) => Err(format!("{most} sequences find nothing wrong")),
            Err(_) => Ok(drawn.get()),
        }
    }

    /// Runs so many sequences; the first that is wrong is shortened, and told.
    pub(crate) fn explore(&self, sequences_wanted: u32, seed: u64) -> Result<(), String> {
        self.run_all(sequences_wanted, seed, MAX_TRIES, |steps| self.run(steps))
    }

    fn run_all(
        &self,
        sequences_wanted: u32,
        seed: u64,
        tries: u32,
        run: impl Fn(&[Step]) -> Result<(), String>,
    ) -> Result<(), String> {
        let config = Config {
            cases: sequences_wanted,
            max_shrink_iters: tries,
            failure_persistence: None,
            ..Config::default()
        };
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &key));
        let found = runner.run(&sequences(), |steps| run(&steps).map_err(TestCaseError::fail));
        found.map_err(|error| match error {
            TestError::Fail(why, steps) => {
                let steps: Vec<_> = steps.iter().map(|step| format!("    {step:?}")).collect();
                format!("with seed {seed}: {why}\nafter\n{}", steps.join("\n"))
            }
            TestError::Abort(why) => format!("with seed {seed}: gave up: {why}"),
        })
    }
}

async fn machine_on(redis: &RedisServer, swap: Option<Swap>) -> Machine {
    let port = match swap.clone() {
        Some(swap) => swap.serve(redis.port()).await,
        None => redis.port(),
    };
    let direct = Connector::new(&redis.url()).expect("the URL is sound");
    let link = Connector::new(&format!("redis://127.0.0.1:{port}")).expect("the URL is sound");
    Machine::new(redis.connection().await, direct, Link::new(link), swap.map(|swap| swap.source))
}

/// How many sequences are wanted: `POSTRIDER_TEST_SEQUENCES`.
pub(crate) fn sequences_wanted() -> u32 {
    number("POSTRIDER_TEST_SEQUENCES").map_or(FEW, |number| u32::try_from(number).unwrap_or(u32::MAX))
}

/// What the draw begins with: `POSTRIDER_TEST_SEED`; the same each time where nothing is said, so that a test that fails
/// was made to fail by a change.
pub(crate) fn seed() -> u64 {
    number("POSTRIDER_TEST_SEED").unwrap_or(1)
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a number: {text}")))
}
