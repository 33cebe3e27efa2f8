//! The hooks of the demo: registered before anything happens, looked at while it goes on. What is known of them says
//! which jobs an event must become.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, anyhow};
use postrider_core::address::{AddressPolicy, Rule};
use postrider_core::hook::Hook;
use postrider_core::hook::edit::{HookDraft, HookEdit, HookFaults};
use postrider_core::hook::field::{HookField, HookRules};
use postrider_core::hook::record::HookRecord;
use postrider_core::profile::{Profile, ProfileSettings, Profiles};
use postrider_store::fault::StoreError;
use postrider_store::hooks::{self, Created};
use postrider_store::link::Link;
use tokio::time::Instant;

use super::cast::{CAST, Role};
use super::events::Event;

/// So long after a hook was switched off, every worker knows: records are cached for a second.
const KNOWN_AFTER: Duration = Duration::from_millis(1500);

/// What is known of one hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Switch {
    On,
    Off,
    /// Its receiver is being told of something, and will answer that it is gone.
    Leaving,
    /// It was seen switched off; a worker may not know it yet.
    SwitchedOff {
        since: Instant,
    },
}

/// The hooks, in the order of [`CAST`].
#[derive(Debug)]
pub(crate) struct Hooks {
    switches: Vec<Switch>,
}

impl Hooks {
    /// As they are registered.
    pub(crate) fn new() -> Self {
        let switch = |role: &Role| if role.active { Switch::On } else { Switch::Off };
        Self { switches: CAST.iter().map(switch).collect() }
    }

    /// The receivers whose hooks ask for the event; `None` while that can't be said, as a hook is being switched off.
    pub(crate) fn asking(&self, event: &Event, now: Instant) -> Option<Vec<usize>> {
        let mut asking = Vec::new();
        for (receiver, _) in CAST.iter().enumerate().filter(|(_, role)| role.asks_for(event)) {
            match self.switches[receiver] {
                Switch::On => asking.push(receiver),
                Switch::Off => {}
                Switch::SwitchedOff { since } if now.duration_since(since) >= KNOWN_AFTER => {}
                Switch::Leaving | Switch::SwitchedOff { .. } => return None,
            }
        }
        Some(asking)
    }

    /// An event was pushed that becomes a job for each of these.
    pub(crate) fn told(&mut self, receivers: &[usize]) {
        for receiver in receivers.iter().filter(|receiver| CAST[**receiver].leaves()) {
            self.switches[*receiver] = Switch::Leaving;
        }
    }

    /// Looks after those that are to be switched off; gives the receivers whose hooks were.
    pub(crate) async fn look(&mut self, link: &mut Link) -> Result<Vec<usize>, StoreError> {
        let mut switched_off = Vec::new();
        for (receiver, switch) in self.switches.iter_mut().enumerate() {
            if *switch == Switch::Leaving && !is_active(link, &CAST[receiver]).await? {
                *switch = Switch::SwitchedOff { since: Instant::now() };
                switched_off.push(receiver);
            }
        }
        Ok(switched_off)
    }
}

async fn is_active(link: &mut Link, role: &Role) -> Result<bool, StoreError> {
    let record = hooks::read_record(link, role.owner, role.name).await?;
    Ok(record.and_then(|json| Hook::parse(&json).ok()).is_some_and(|hook| hook.active))
}

/// Registers a hook for each receiver, in place of what an earlier demo has left.
pub(crate) async fn register(link: &mut Link, addresses: &[SocketAddr], secret: &str) -> anyhow::Result<()> {
    for (role, address) in CAST.iter().zip(addresses) {
        let record = record(role, *address, secret).map_err(|faults| anyhow!("{}: {faults}", role.name))?;
        hooks::delete(link, role.owner, role.name).await?;
        let created = hooks::create(link, role.owner, role.name, &record, CAST.len()).await;
        if created.context("failed to register a hook")? != Created::Done {
            return Err(anyhow!("the hook of {} is registered already, by someone else", role.name));
        }
    }
    Ok(())
}

fn record(role: &Role, address: SocketAddr, secret: &str) -> Result<HookRecord, HookFaults> {
    let this_machine = ["127.0.0.0/8", "::1/128"].map(|net| Rule::parse(net).expect("the network is one"));
    let rules = HookRules {
        addresses: &AddressPolicy { allow: this_machine.into(), ..AddressPolicy::default() },
        profiles: &Profiles::new(&ProfileSettings::default()).expect("the default profiles are accepted"),
        default_profile: Profile::Misskey,
    };
    let fields = HookEdit::new()
        .set(HookField::Name, role.name)
        .set(HookField::On, role.on)
        .set(HookField::Url, format!("http://{address}/hook"))
        .set(HookField::Secret, secret)
        .set(HookField::Active, role.active);
    let draft = HookDraft { id: role.name.into(), user_id: role.owner.into(), fields };
    HookRecord::create(&draft, &rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> usize {
        CAST.iter().position(|role| role.name == name).unwrap()
    }

    fn unfollow() -> Event {
        (0..).map(Event::numbered).find(|event| CAST[place("old-blog")].asks_for(event)).unwrap()
    }

    #[test]
    fn every_hook_of_the_demo_keeps_the_rules() {
        for role in &CAST {
            let record = record(role, (std::net::Ipv4Addr::LOCALHOST, 4711).into(), "secret").unwrap();
            let hook = Hook::parse(&record.to_json()).unwrap();
            assert_eq!(hook.active, role.active);
            assert!(role.on.iter().all(|event_type| hook.on.includes(event_type)), "{}", role.name);
        }
    }

    #[test]
    fn an_event_is_asked_for_by_active_hooks_of_its_owner_alone() {
        let event = Event::numbered(1);
        assert_eq!((event.owner, event.kind), ("9xshu", "note"));
        assert_eq!(Hooks::new().asking(&event, Instant::now()), Some(vec![place("translator")]));
    }

    #[test]
    fn while_a_hook_is_being_switched_off_nobody_knows_who_asks() {
        let (mut hooks, now, leaver) = (Hooks::new(), Instant::now(), place("old-blog"));
        assert_eq!(hooks.asking(&unfollow(), now), Some(vec![leaver]));
        hooks.told(&[leaver]);
        assert_eq!(hooks.asking(&unfollow(), now), None);
        hooks.switches[leaver] = Switch::SwitchedOff { since: now };
        assert_eq!(hooks.asking(&unfollow(), now + KNOWN_AFTER - Duration::from_millis(1)), None);
        assert_eq!(hooks.asking(&unfollow(), now + KNOWN_AFTER), Some(vec![]));
    }
}
