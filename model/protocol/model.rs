//! The world as the checker sees it.

use stateright::{Model, Property};

use crate::action::{Action, Answer};
use crate::possible;
use crate::progress::Progress;
use crate::properties;
use crate::scenario::Scenario;
use crate::state::State;
use crate::step;

/// The protocol in one scenario.
#[derive(Debug)]
pub(crate) struct Protocol {
    pub(crate) scenario: Scenario,
    pub(crate) accepting: Progress,
    pub(crate) refusing: Progress,
}

impl Protocol {
    pub(crate) fn new(scenario: Scenario) -> Self {
        let (accepting, refusing) = (Progress::under(Answer::Accepts), Progress::under(Answer::Refuses));
        Self { scenario, accepting, refusing }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::first(&self.scenario)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        // A course ends with its first flaw: what comes after would only make it longer to read.
        if state.history.is_flawless() {
            possible::actions(&self.scenario, state, actions);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        Some(step::next(&self.scenario, state, action))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::properties(&self.scenario)
    }
}
