//! Which events a hook asks for: its `on`.

/// Stands for every event type.
pub const ANY: &str = "*";

/// Longest event type in bytes (contract section 1).
pub const MAX_TYPE_BYTES: usize = crate::job::MAX_NAME_BYTES;

/// Most event types of one hook: many times what Misskey has.
pub const MAX_TYPES: usize = 64;

/// The event types in a hook's `on`, each once, in the order given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventTypes(Vec<Box<str>>);

impl EventTypes {
    /// Whether events of this type are asked for, by name or by [`ANY`].
    pub fn includes(&self, event_type: &str) -> bool {
        self.0.iter().any(|own| &**own == event_type || &**own == ANY)
    }

    /// Whether no event is asked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The types as written.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|own| &**own)
    }
}

impl<'a> FromIterator<&'a str> for EventTypes {
    /// Leaves out what came before; checks nothing.
    fn from_iter<I: IntoIterator<Item = &'a str>>(types: I) -> Self {
        let mut distinct: Vec<Box<str>> = Vec::new();
        for given in types {
            if !distinct.iter().any(|own| &**own == given) {
                distinct.push(given.into());
            }
        }
        Self(distinct)
    }
}

/// Whether this can be an event type: 1 to 128 visible ASCII characters. [`ANY`] is one too.
pub fn is_event_type(text: &str) -> bool {
    (1..=MAX_TYPE_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_star_includes_every_type_and_a_type_itself_only() {
        let on: EventTypes = ["note", "reply", "note"].into_iter().collect();
        assert_eq!(on.iter().collect::<Vec<_>>(), ["note", "reply"]);
        assert!(on.includes("reply") && !on.includes("replies") && !on.includes(ANY));
        assert!(EventTypes::from_iter([ANY]).includes("anything"));
        assert!(!EventTypes::default().includes("note"));
    }

    #[test]
    fn types_are_visible_ascii_of_at_most_128() {
        assert!(is_event_type("invoice.paid") && is_event_type("*") && is_event_type(&"a".repeat(128)));
        for bad in ["", "a b", "ノート", "a\n", &"a".repeat(129)] {
            assert!(!is_event_type(bad), "{bad:?}");
        }
    }
}
