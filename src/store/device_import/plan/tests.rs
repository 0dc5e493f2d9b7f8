use serde_json::json;

use super::*;

const MOST: i64 = 50;

fn row(line: i32, token: &str, external_id: Option<&str>) -> ImportRow {
    ImportRow {
        line,
        app_name: "demo".to_owned(),
        provider: Provider::Fcm,
        token_hash: token.as_bytes().to_vec(),
        new_id: Uuid::now_v7(),
        sealed_token: b"sealed".to_vec(),
        user_id: None,
        profile: ProfileChange {
            external_id: FieldChange::of(external_id.map(str::to_owned), false),
            ..ProfileChange::default()
        },
        tags: None,
        environment: None,
        kind: None,
    }
}

fn stored() -> Stored {
    Stored {
        apps: HashSet::from(["demo".to_owned()]),
        ..Stored::default()
    }
}

/// What is stored after a plan, for the same tokens in the same order.
fn after(plan: &Plan<'_>, rows: &[ImportRow]) -> Stored {
    let mut next = stored();
    for user in plan.new_users.iter().chain(&plan.changed_users) {
        if let Some(external_id) = &user.profile.external_id {
            next.by_external_id.insert(external_id.clone(), user.id);
        }
        next.users.insert(user.id, user.profile.clone());
    }
    for (index, row) in rows.iter().enumerate() {
        let device = plan
            .devices
            .iter()
            .find(|it| it.token_hash == row.token_hash);
        let device = device.unwrap();
        next.devices.insert(
            index,
            StoredDevice {
                id: device.id,
                registration_id: Uuid::now_v7(),
                user_id: device.user_id,
                tags: device.tags.clone(),
                environment: device.environment.clone(),
                kind: device.kind.clone(),
            },
        );
    }
    next
}

#[test]
fn the_same_rows_again_change_nothing() {
    let mut rows = vec![
        row(1, "a", Some("zoe")),
        row(2, "b", Some("zoe")),
        row(3, "c", None),
    ];
    rows[0].tags = Some(json!({"kind": "phone"}));
    rows[1].profile.language = FieldChange::Set("de".to_owned());

    let first = plan(&rows, stored(), MOST);
    assert_eq!((first.new_users.len(), first.devices.len()), (2, 3));
    assert_eq!(first.counts.created, 3);
    let zoe = first
        .new_users
        .iter()
        .find(|user| user.profile.external_id.is_some());
    assert_eq!(zoe.unwrap().profile.language.as_deref(), Some("de"));

    let next = after(&first, &rows);
    let second = plan(&rows, next, MOST);
    assert!(second.new_users.is_empty() && second.changed_users.is_empty());
    assert_eq!(
        second.counts,
        RowCounts {
            unchanged: 3,
            ..RowCounts::default()
        }
    );
    assert!(second.devices.iter().all(|device| matches!(
        device.state,
        DeviceState::Stored {
            has_changed: false,
            ..
        }
    )));
}

#[test]
fn the_last_row_of_a_token_counts() {
    let rows = [
        row(1, "a", Some("zoe")),
        row(2, "a", Some("max")),
        row(3, "a", None),
    ];
    let plan = plan(&rows, stored(), MOST);

    assert_eq!(plan.devices.len(), 1);
    let max = plan
        .new_users
        .iter()
        .find(|user| user.profile.external_id.as_deref() == Some("max"));
    assert_eq!(plan.devices[0].user_id, max.unwrap().id);
    assert_eq!(
        plan.counts,
        RowCounts {
            created: 1,
            updated: 1,
            unchanged: 1,
            failed: 0
        }
    );
}

#[test]
fn an_owner_without_an_external_id_gets_it_and_one_with_another_keeps_it() {
    let anonymous = [row(1, "a", None)];
    let first = plan(&anonymous, stored(), MOST);
    let next = after(&first, &anonymous);
    let user = first.devices[0].user_id;

    let rows = [row(1, "a", Some("zoe"))];
    let adopted = plan(&rows, next, MOST);
    assert!(adopted.new_users.is_empty());
    assert_eq!(adopted.changed_users[0].id, user);
    assert_eq!(adopted.counts.updated, 1);

    let next = after(&adopted, &rows);
    let rows = [row(1, "a", Some("max"))];
    let other = plan(&rows, next, MOST);
    assert_eq!(other.new_users.len(), 1);
    assert!(matches!(
        other.devices[0].state,
        DeviceState::Stored {
            has_moved: true,
            ..
        }
    ));
}

#[test]
fn errors_are_reported_by_line() {
    let mut rows = vec![
        row(1, "a", None),
        row(2, "b", None),
        row(3, "c", Some("zoe")),
        row(4, "d", Some("zoe")),
        row(5, "e", Some("zoe")),
    ];
    rows[0].app_name = "other".to_owned();
    rows[1].user_id = Some(UserId::generate());
    let plan = plan(&rows, stored(), 2);

    let errors: Vec<(i32, &str)> = plan
        .errors
        .iter()
        .map(|error| (error.line, error.field.as_str()))
        .collect();
    assert_eq!(errors, [(1, "appName"), (2, "userId"), (5, "")]);
    assert_eq!((plan.counts.created, plan.counts.failed), (2, 3));
    assert_eq!(plan.new_users.len(), 1);
}

#[test]
fn an_external_id_that_a_later_row_takes_over_is_freed() {
    let first_rows = [row(1, "a", Some("zoe")), row(2, "b", Some("max"))];
    let first = plan(&first_rows, stored(), MOST);
    let mut next = after(&first, &first_rows);
    let user_of = |token: &str| {
        let device = first
            .devices
            .iter()
            .find(|device| device.token_hash == token.as_bytes());
        device.unwrap().user_id
    };
    let zoe = user_of("a");
    let max = user_of("b");

    // They exchange their ids, by way of another one.
    let mut rows = [
        row(1, "a", Some("other")),
        row(2, "b", Some("zoe")),
        row(3, "a", Some("max")),
    ];
    for (index, id) in [zoe, max, zoe].into_iter().enumerate() {
        rows[index].user_id = Some(id.into());
        next.by_user_id.insert(index, id);
    }
    let plan = plan(&rows, next, MOST);

    assert!(plan.errors.is_empty(), "{:?}", plan.errors);
    let mut both = [zoe, max];
    both.sort_unstable();
    assert_eq!(plan.freed, both);
    let external_ids: HashMap<Uuid, Option<&str>> = plan
        .changed_users
        .iter()
        .map(|user| (user.id, user.profile.external_id.as_deref()))
        .collect();
    assert_eq!(
        external_ids,
        HashMap::from([(zoe, Some("max")), (max, Some("zoe"))])
    );
}
