//! Adds delivery jobs and events from Rust: built with typed setters, checked by the very rules that the workers go by, added with
//! XADD. Never sends a webhook, and never repeats an XADD whose answer was lost.
//!
//! - [`job`]: [`Job`], one event for one hook; [`event`]: [`Event`], for all hooks that asked for it.
//! - [`rules`]: what makes them sound; [`producer`]: adding them.
//!
//! ```no_run
//! use std::time::{Duration, SystemTime};
//!
//! use postrider_producer::{Event, Job, Producer};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let producer = Producer::connect("redis://127.0.0.1:6379").await?;
//! let job = Job::to("https://hooks.example/in")
//!     .event_type("note")
//!     .content(r#"{"note":{"id":"9x"}}"#)
//!     .secret("s3cret")
//!     .not_before(SystemTime::now() + Duration::from_secs(60));
//! let added = producer.add(&job).await?;
//! println!("{}", added.id);
//! // For every active hook of the user that asked for notes.
//! producer.add_event(&Event::new("9u", "note").content(r#"{"note":{"id":"9x"}}"#)).await?;
//! # Ok(())
//! # }
//! ```

pub mod event;
mod fields;
pub mod job;
mod options;
pub mod producer;
pub mod rules;
mod streams;

pub use event::Event;
pub use job::Job;
pub use options::ProducerOptions;
pub use postrider_core::profile::Profile;
pub use postrider_core::queue_name::QueueName;
pub use postrider_core::shard::shard_of;
pub use postrider_store::connect::{Connector, tls};
pub use postrider_store::producer::{ConnectError, MAX_BATCH_BYTES, MAX_BATCH_ENTRIES, Replicated};
pub use producer::{AddError, Added, AddedEvent, AddedOnce, Producer};
pub use rules::Rules;
