use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_764_324_000_123);

/// What each kind of object must have, by Misskey's own schemas.
const LITE: &str = "id name username host avatarUrl avatarBlurhash avatarDecorations emojis onlineStatus";
const DETAILED: &str = "url uri movedTo alsoKnownAs createdAt updatedAt lastFetchedAt bannerUrl bannerBlurhash isLocked \
    isSilenced isSuspended description location birthday lang fields verifiedLinks followersCount followingCount notesCount \
    pinnedNoteIds pinnedNotes pinnedPageId pinnedPage publicReactions followingVisibility followersVisibility chatScope \
    canChat roles memo";
const NOTE: &str = "id createdAt text userId user visibility reactionAcceptance reactions reactionEmojis reactionCount \
    renoteCount repliesCount";

#[track_caller]
fn check_has(object: &Value, keys: &str) {
    for key in keys.split_whitespace() {
        assert!(object.get(key).is_some(), "{key} is missing in {object}");
    }
}

#[track_caller]
fn check_note(note: &Value, id: &str) {
    assert_eq!(note["id"], id);
    check_has(note, NOTE);
    check_has(&note["user"], LITE);
    assert_eq!(note["userId"], note["user"]["id"]);
    assert_eq!(note["createdAt"], "2025-11-28T10:00:00.123Z");
    for relation in ["reply", "renote"].iter().filter(|relation| note.get(relation).is_some()) {
        check_note(&note[relation], "dummy-note-1");
        assert_eq!(note[format!("{relation}Id")], "dummy-note-1");
    }
}

#[test]
fn every_event_is_found_by_its_name() {
    for event in MisskeyEvent::ALL {
        assert_eq!(MisskeyEvent::parse(event.as_str()), Some(event));
    }
    assert_eq!(MisskeyEvent::parse("Note"), None);
}

#[test]
fn notes_have_misskeys_dummy_ids_and_all_that_a_note_must_have() {
    for (event, id) in [
        (MisskeyEvent::Note, "dummy-note-1"),
        (MisskeyEvent::Reply, "dummy-reply-1"),
        (MisskeyEvent::Renote, "dummy-renote-1"),
        (MisskeyEvent::Mention, "dummy-mention-1"),
        (MisskeyEvent::Reaction, "dummy-note-1"),
    ] {
        check_note(&event.sample(NOW)["note"], id);
    }
}

#[test]
fn users_have_misskeys_dummy_ids_and_all_that_their_kind_must_have() {
    for (event, id, more) in [
        (MisskeyEvent::Follow, "dummy-user-1", DETAILED),
        (MisskeyEvent::Followed, "dummy-user-2", ""),
        (MisskeyEvent::Unfollow, "dummy-user-3", DETAILED),
    ] {
        let user = &event.sample(NOW)["user"];
        assert_eq!(user["id"], id);
        check_has(user, LITE);
        check_has(user, more);
        assert_eq!(user.get("followersCount").is_some(), !more.is_empty(), "{event}");
    }
}

#[test]
fn a_renote_has_no_text_and_a_mention_names_whom_it_mentions() {
    let renote = MisskeyEvent::Renote.sample(NOW);
    assert!(renote["note"]["text"].is_null() && renote["note"]["userId"] == "dummy-user-2");
    let mention = MisskeyEvent::Mention.sample(NOW);
    assert_eq!(mention["note"]["mentions"], json!(["dummy-user-2"]));
    assert_eq!(mention["note"]["text"], "@dummy2 This is a mention to you.");
}
