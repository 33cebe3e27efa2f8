//! Finds workers that are dead: those whose heartbeat doesn't change, by this worker's own clock and while its own beats
//! are accepted, so that an outage or a clock step that hits all kills nobody.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use postrider_store::fault::StoreError;
use postrider_store::link::Link;
use postrider_store::presence;
use postrider_store::queue::Consumer;
use postrider_store::reader::Waker;

use crate::engine::{Engine, LostWorker};
use crate::event::WorkerLost;
use crate::health::Part;

/// How often the heartbeats of the others are looked at: often enough that a death is known 6 s later, at the default
/// `worker.dead_after` of 5 s.
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// What this worker has seen of the others.
#[derive(Debug)]
struct Observer {
    dead_after: Duration,
    sightings: HashMap<Box<str>, Sighting>,
}

#[derive(Debug)]
struct Sighting {
    beat: Option<i64>,
    since: Instant,
}

impl Observer {
    fn new(dead_after: Duration) -> Self {
        Self { dead_after, sightings: HashMap::new() }
    }

    /// Names the dead among `beats` and `consumers`. `unbroken_since`: since when the own beats have been accepted without
    /// a gap. A consumer without any heartbeat is judged by how long it has been seen without one.
    fn observe(
        &mut self,
        now: Instant,
        unbroken_since: Instant,
        beats: &HashMap<Box<str>, i64>,
        consumers: &[Consumer],
    ) -> Vec<LostWorker> {
        let listed = consumers.iter().map(|consumer| &consumer.name);
        let mut seen = HashMap::new();
        for name in beats.keys().chain(listed) {
            let beat = beats.get(name).copied();
            let since = match self.sightings.remove(name) {
                Some(known) if known.beat == beat => known.since,
                _ => now,
            };
            seen.entry(name.clone()).or_insert(Sighting { beat, since });
        }
        self.sightings = seen;
        let is_dead = |sighting: &Sighting| {
            now.saturating_duration_since(sighting.since.max(unbroken_since)) >= self.dead_after
        };
        let dead = self.sightings.iter().filter(|(_, sighting)| is_dead(sighting));
        dead.map(|(name, sighting)| LostWorker { name: name.clone(), beat: sighting.beat }).collect()
    }

    fn forget_all(&mut self) {
        self.sightings.clear();
    }
}

/// Looks after the others until the worker stops reading.
pub(crate) async fn run(engine: Arc<Engine>, mut link: Link, reader: Waker) {
    let mut observer = Observer::new(engine.config.dead_after);
    let stop = engine.stop_reading.clone();
    while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
        let now = Instant::now();
        let unbroken = engine.pulse.borrow().unbroken_since(now, engine.config.fence_after());
        let Some(unbroken_since) = unbroken else {
            observer.forget_all();
            // Who was dead before an outage may have lived through it.
            engine.lost_workers().clear();
            continue;
        };
        match look(&engine, &mut link).await {
            Ok((beats, consumers)) => {
                engine.works(Part::Watch);
                let dead = observer.observe(now, unbroken_since, &beats, &consumers);
                report(&engine, &mut link, &reader, dead).await;
            }
            Err(error) => engine.failed(Part::Watch, &error),
        }
    }
}

async fn look(
    engine: &Engine,
    link: &mut Link,
) -> Result<(HashMap<Box<str>, i64>, Vec<Consumer>), StoreError> {
    let me = engine.queue.consumer();
    let mut consumers = engine.queue.consumers(link).await?;
    consumers.retain(|consumer| *consumer.name != *me);
    let mut beats = presence::roll_call(link, engine.queue.keys(), &consumers).await?;
    beats.remove(me);
    Ok((beats, consumers))
}

async fn report(engine: &Engine, link: &mut Link, reader: &Waker, dead: Vec<LostWorker>) {
    let news: Vec<_> = {
        let mut lost = engine.lost_workers();
        lost.retain(|known| dead.contains(known));
        let news: Vec<_> = dead.into_iter().filter(|found| !lost.contains(found)).collect();
        lost.extend(news.iter().cloned());
        news
    };
    for worker in &news {
        WorkerLost { worker: &worker.name }.emit();
    }
    if !news.is_empty() {
        // An idle intake waits inside Redis and has all slots reserved meanwhile.
        reader.wake(link).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEAD_AFTER: Duration = Duration::from_secs(5);

    fn beats(of: &[(&str, i64)]) -> HashMap<Box<str>, i64> {
        of.iter().map(|(name, beat)| ((*name).into(), *beat)).collect()
    }

    fn consumer(name: &str) -> Consumer {
        Consumer { name: name.into(), pending: 1 }
    }

    struct Scene {
        observer: Observer,
        start: Instant,
    }

    impl Scene {
        fn new() -> Self {
            Self { observer: Observer::new(DEAD_AFTER), start: Instant::now() }
        }

        fn look(
            &mut self,
            second: u64,
            unbroken: u64,
            seen: &[(&str, i64)],
            listed: &[Consumer],
        ) -> Vec<String> {
            let at = |second| self.start + Duration::from_secs(second);
            let dead = self.observer.observe(at(second), at(unbroken), &beats(seen), listed);
            dead.into_iter().map(|lost| lost.name.into()).collect()
        }
    }

    #[test]
    fn a_heartbeat_that_stands_still_for_dead_after_means_death() {
        let mut scene = Scene::new();
        assert!(scene.look(0, 0, &[("a", 1), ("b", 1)], &[]).is_empty());
        assert!(scene.look(4, 0, &[("a", 1), ("b", 5)], &[]).is_empty());
        assert_eq!(scene.look(5, 0, &[("a", 1), ("b", 6)], &[]), ["a"]);
    }

    #[test]
    fn a_step_of_the_clock_of_redis_kills_nobody() {
        let mut scene = Scene::new();
        assert!(scene.look(0, 0, &[("a", 1_000_000)], &[]).is_empty());
        assert!(scene.look(4, 0, &[("a", 5)], &[]).is_empty());
        assert!(scene.look(8, 0, &[("a", 9_000_000)], &[]).is_empty());
    }

    #[test]
    fn an_outage_that_hit_the_observer_too_kills_nobody() {
        let mut scene = Scene::new();
        assert!(scene.look(0, 0, &[("a", 1)], &[]).is_empty());
        assert!(scene.look(10, 9, &[("a", 1)], &[]).is_empty());
        assert_eq!(scene.look(14, 9, &[("a", 1)], &[]), ["a"]);
    }

    #[test]
    fn a_consumer_without_any_heartbeat_is_dead_in_time() {
        let mut scene = Scene::new();
        assert!(scene.look(0, 0, &[], &[consumer("ghost")]).is_empty());
        assert!(scene.look(4, 0, &[], &[consumer("ghost")]).is_empty());
        assert_eq!(scene.look(5, 0, &[], &[consumer("ghost")]), ["ghost"]);
        assert!(scene.look(6, 0, &[("ghost", 7)], &[consumer("ghost")]).is_empty());
    }
}
