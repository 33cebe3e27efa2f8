//! What each route does with the hooks of the user who asks.

use std::time::Instant;

use postrider_core::hook::field::HookField;
use postrider_core::hook::record::{Detail, HookRecord};
use postrider_core::profile::Profile;
use serde_json::{Map, Value};

use super::error::ApiError;
use super::shape::webhook;
use super::{Misskey, params};
use crate::api::hooks::work::{self, Refusal};
use crate::problem::Problem;

/// One of Misskey's routes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Endpoint {
    Create,
    List,
    Show,
    Update,
    Delete,
    Test,
}

/// A request of a user who is known.
#[derive(Clone, Copy)]
pub(super) struct Task<'a> {
    pub(super) misskey: &'a Misskey,
    pub(super) user: &'a str,
    pub(super) given: &'a Map<String, Value>,
    pub(super) endpoint: Endpoint,
}

impl Endpoint {
    pub(super) const ALL: [Self; 6] =
        [Self::Create, Self::List, Self::Show, Self::Update, Self::Delete, Self::Test];

    /// The last part of its path.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::List => "list",
            Self::Show => "show",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Test => "test",
        }
    }

    /// The id of its error where the hook isn't there: Misskey has one for each route. The first two look for none.
    fn no_such_webhook(self) -> &'static str {
        match self {
            Self::Create | Self::List | Self::Show => "50f614d9-3047-4f7e-90d8-ad6b2d5fb098",
            Self::Update => "fb0fea69-da18-45b1-828d-bd4fd1612518",
            Self::Delete => "bae73e5a-5522-4965-ae19-3a8688e71d82",
            Self::Test => "0c52149c-e913-18f8-5dc7-74870bfe0cf9",
        }
    }

    /// What is answered: a value, or nothing.
    pub(super) async fn carry_out(self, task: Task<'_>) -> Result<Option<Value>, ApiError> {
        match self {
            Self::Create => task.create().await.map(Some),
            Self::List => task.list().await.map(Some),
            Self::Show => task.show().await.map(Some),
            Self::Update => task.update().await.map(|()| None),
            Self::Delete => task.delete().await.map(|()| None),
            Self::Test => task.test().await.map(|()| None),
        }
    }
}

impl Task<'_> {
    /// Whoever registers a hook here has a receiver that was written for Misskey.
    async fn create(self) -> Result<Value, ApiError> {
        let fields = params::new_hook(self.given)?.set(HookField::Profile, Profile::Misskey.as_str());
        let (id, record) = self.done(work::create(&self.misskey.api, self.user, None, fields).await)?;
        Ok(webhook(self.user, &id, Some(&record), None, Detail::Revealed))
    }

    async fn list(self) -> Result<Value, ApiError> {
        let found = self.done(work::list(&self.misskey.api, self.user).await)?;
        let listed = found.iter().map(|hook| {
            let record = HookRecord::parse(&hook.json);
            webhook(self.user, &hook.hook_id, record.as_ref(), hook.latest, Detail::Listed)
        });
        Ok(listed.collect())
    }

    /// With its secret: a form that is filled with what is shown, and saved, must not lose it.
    async fn show(self) -> Result<Value, ApiError> {
        let found = self.find(params::hook_id(self.given)?).await?;
        Ok(self.shown(&found, Detail::Revealed))
    }

    async fn update(self) -> Result<(), ApiError> {
        let hook = params::hook_id(self.given)?;
        let found = self.find(hook).await?;
        let as_it_is = [Detail::Revealed, Detail::Listed].map(|detail| self.shown(&found, detail));
        let edit = params::change(self.given, &as_it_is)?;
        if edit.is_empty() {
            return Ok(());
        }
        self.done(work::edit(&self.misskey.api, self.user, hook, &edit).await)
    }

    async fn delete(self) -> Result<(), ApiError> {
        let hook = params::hook_id(self.given)?;
        self.done(work::delete(&self.misskey.api, self.user, hook).await)
    }

    /// What came of it isn't told, as in Misskey: it is seen at the receiver.
    async fn test(self) -> Result<(), ApiError> {
        self.misskey.tests.take(self.user, Instant::now()).map_err(ApiError::too_often)?;
        let hook = params::hook_id(self.given)?;
        let sample = params::sample(self.given)?;
        self.done(work::try_out(&self.misskey.api, self.user, hook, sample).await).map(drop)
    }

    async fn find(self, hook: &str) -> Result<work::Found, ApiError> {
        self.done(work::find(&self.misskey.api, self.user, hook).await)
    }

    fn shown(self, found: &work::Found, detail: Detail) -> Value {
        let hook = &found.registered;
        webhook(self.user, &hook.hook_id, Some(&found.record), hook.latest, detail)
    }

    /// One whose record is of no use is as good as not there; it is listed, and can be deleted.
    fn done<T>(self, outcome: Result<T, Refusal>) -> Result<T, ApiError> {
        outcome.map_err(|refusal| match refusal {
            Refusal::Unknown | Refusal::Unreadable | Refusal::Unusable => {
                ApiError::no_such_webhook(self.endpoint.no_such_webhook())
            }
            Refusal::TooMany(_) => ApiError::too_many_webhooks(),
            other => Problem::from(other).into(),
        })
    }
}
