//! Which hooks a list is about.

use crate::hook::Hook;

/// What a hook must be to be listed; where nothing is asked for, all are. Several questions must all be met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HookFilter {
    /// Whether sending is switched on.
    pub active: Option<bool>,
    /// Event types that it asks for, every one of them; `*` in its `on` asks for all.
    pub on: Vec<String>,
    /// Ids, of which one is its own.
    pub ids: Vec<String>,
}

impl HookFilter {
    /// Whether a hook is meant. Of a record that can't be read only the id is known.
    pub fn matches(&self, hook_id: &str, hook: Option<&Hook>) -> bool {
        let by_id = self.ids.is_empty() || self.ids.iter().any(|id| id == hook_id);
        let by_switch = |active: bool| self.active.is_none_or(|wanted| wanted == active);
        let by_events = |hook: &Hook| self.on.iter().all(|wanted| hook.on.includes(wanted));
        by_id
            && match hook {
                Some(hook) => by_switch(hook.active) && by_events(hook),
                None => self.active.is_none() && self.on.is_empty(),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Misskey's own four: A and C are active.
    fn found(filter: &HookFilter) -> String {
        let of = |active: bool, on: &str| {
            let json = format!(r#"{{"url":"https://x.example/","active":{active},"on":[{on}]}}"#);
            Hook::parse(json.as_bytes()).unwrap()
        };
        let four = [
            ("A", of(true, "\"mention\"")),
            ("B", of(false, "\"mention\"")),
            ("C", of(true, "\"reply\"")),
            ("D", of(false, "")),
        ];
        four.iter().filter(|(id, hook)| filter.matches(id, Some(hook))).map(|(id, _)| *id).collect()
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn uw1_without_a_filter_all_are_found() {
        assert_eq!(found(&HookFilter::default()), "ABCD");
    }

    #[test]
    fn uw2_active_ones() {
        assert_eq!(found(&HookFilter { active: Some(true), ..HookFilter::default() }), "AC");
    }

    #[test]
    fn uw3_those_that_ask_for_an_event() {
        assert_eq!(found(&HookFilter { on: texts(&["mention"]), ..HookFilter::default() }), "AB");
    }

    #[test]
    fn uw4_active_ones_that_ask_for_an_event() {
        let filter = HookFilter { active: Some(true), on: texts(&["mention"]), ..HookFilter::default() };
        assert_eq!(found(&filter), "A");
    }

    #[test]
    fn uw5_those_with_these_ids() {
        assert_eq!(found(&HookFilter { ids: texts(&["A", "D"]), ..HookFilter::default() }), "AD");
    }

    #[test]
    fn uw6_inactive_ones_with_these_ids() {
        let filter = HookFilter { active: Some(false), ids: texts(&["A", "D"]), ..HookFilter::default() };
        assert_eq!(found(&filter), "D");
    }

    #[test]
    fn several_event_types_must_all_be_asked_for() {
        assert_eq!(found(&HookFilter { on: texts(&["mention", "reply"]), ..HookFilter::default() }), "");
    }

    #[test]
    fn an_unreadable_record_is_found_only_where_nothing_is_asked_of_it() {
        assert!(HookFilter::default().matches("x", None));
        assert!(HookFilter { ids: texts(&["x"]), ..HookFilter::default() }.matches("x", None));
        assert!(!HookFilter { active: Some(false), ..HookFilter::default() }.matches("x", None));
    }
}
