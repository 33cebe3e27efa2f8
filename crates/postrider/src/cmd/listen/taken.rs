//! A queue that is taken: a worker in this process whose requests all come to the receiver, wherever their jobs lead.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use postrider_core::address::{AddressPolicy, Rule};
use postrider_core::endpoint::Endpoint;
use postrider_core::queue_name::QueueName;
use postrider_sender::{Sender, SenderConfig};
use postrider_worker::run::Stop;

use crate::cmd::worker;
use crate::exit::Failure;
use crate::settings::Settings;
use crate::settings::sections::QueueShare;

/// The queue, and what delivers its jobs.
pub(super) struct TakenQueue {
    settings: Settings,
    sender: Sender,
}

impl TakenQueue {
    /// For a receiver at that address.
    pub(super) fn of(settings: &Settings, queue: &QueueName, receiver: SocketAddr) -> Result<Self, Failure> {
        let mut settings = settings.clone();
        settings.queue.shares = vec![QueueShare { name: queue.clone(), weight: 1 }];
        settings.events = None;
        let ip = if receiver.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { receiver.ip() };
        let here = format!("http://{}/", SocketAddr::new(ip, receiver.port()));
        let here = Endpoint::parse(here.as_bytes()).expect("an address makes a URL");
        // They go nowhere else.
        let policy = AddressPolicy {
            allow: vec![Rule::parse(&ip.to_string()).expect("an address is a rule")],
            ..AddressPolicy::default()
        };
        let sender = Sender::new(SenderConfig { policy, ..SenderConfig::default() });
        let sender = sender.context("failed to set up the sender")?.diverted_to(here);
        Ok(Self { settings, sender })
    }

    /// The queue's name.
    pub(super) fn name(&self) -> &QueueName {
        self.settings.queue.first()
    }

    /// Delivers until `stopped`, and then until what is under way has ended.
    pub(super) async fn serve(self, stopped: impl Future<Output = ()>) -> Result<(), Failure> {
        let stop = Stop::default();
        let delivering = worker::deliver(&self.settings, &self.sender, &stop);
        tokio::pin!(delivering);
        tokio::select! {
            ended = &mut delivering => return ended,
            () = stopped => stop.drain.cancel(),
        }
        delivering.await
    }
}
