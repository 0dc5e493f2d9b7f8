//! What a chunk of an import changes: decided here, from its rows and what is stored, as if the rows were
//! registered one after the other.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use serde_json::Value;
use uuid::Uuid;

use crate::model::device_import::{ImportRow, RowCounts, RowError};
use crate::model::field_change::FieldChange;
use crate::model::id::UserId;
use crate::model::provider::Provider;
use crate::model::user_profile::ProfileChange;

/// A token of an App.
pub(super) type TokenKey<'a> = (&'a str, Provider, &'a [u8]);

/// What is stored of the tokens and Users that rows name.
#[derive(Default)]
pub(super) struct Stored {
    /// The Apps of the account.
    pub apps: HashSet<String>,
    /// By the index of the row.
    pub devices: HashMap<usize, StoredDevice>,
    /// The User whom a row's `userId` means, by the index of the row.
    pub by_user_id: HashMap<usize, Uuid>,
    pub by_external_id: HashMap<String, Uuid>,
    /// Every User that is named above.
    pub users: HashMap<Uuid, Profile>,
    /// The devices that a User has in an App.
    pub device_counts: HashMap<(Uuid, String), i64>,
}

#[derive(Debug, Clone)]
pub(super) struct StoredDevice {
    pub id: Uuid,
    pub registration_id: Uuid,
    pub user_id: Uuid,
    pub tags: Option<Value>,
    pub environment: Option<String>,
    pub kind: Option<String>,
}

/// The profile of a User.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Profile {
    pub external_id: Option<String>,
    pub language: Option<String>,
    pub timezone: Option<String>,
    pub variables: Option<Value>,
    pub opted_out: bool,
    pub opted_out_tags: Vec<String>,
}

impl Profile {
    fn apply(&mut self, change: &ProfileChange) {
        set(&mut self.external_id, &change.external_id);
        set(&mut self.language, &change.language);
        set(&mut self.timezone, &change.timezone);
        set(&mut self.variables, &change.variables);
        self.opted_out = change.opted_out.unwrap_or(self.opted_out);
        if let Some(tags) = &change.opted_out_tags {
            self.opted_out_tags.clone_from(tags);
        }
    }
}

fn set<T: Clone>(field: &mut Option<T>, change: &FieldChange<T>) {
    match change {
        FieldChange::Keep => {}
        FieldChange::Clear => *field = None,
        FieldChange::Set(value) => *field = Some(value.clone()),
    }
}

/// A User with the profile that it is to have.
#[derive(Debug)]
pub(super) struct PlannedUser {
    pub id: Uuid,
    pub profile: Profile,
}

/// A device as it is to be.
#[derive(Debug)]
pub(super) struct PlannedDevice<'a> {
    pub id: Uuid,
    pub app_name: &'a str,
    pub provider: Provider,
    pub token_hash: &'a [u8],
    pub user_id: Uuid,
    pub tags: Option<Value>,
    pub environment: Option<String>,
    pub kind: Option<String>,
    pub state: DeviceState<'a>,
}

#[derive(Debug)]
pub(super) enum DeviceState<'a> {
    New {
        sealed_token: &'a [u8],
    },
    Stored {
        /// The one that it has before.
        registration_id: Uuid,
        has_moved: bool,
        has_changed: bool,
    },
}

/// What a chunk changes.
#[derive(Default)]
pub(super) struct Plan<'a> {
    /// Users who give up the external id that is stored, in the order of their ids.
    pub freed: Vec<Uuid>,
    pub new_users: Vec<PlannedUser>,
    pub changed_users: Vec<PlannedUser>,
    pub devices: Vec<PlannedDevice<'a>>,
    pub errors: Vec<RowError>,
    pub counts: RowCounts,
}

struct Planner<'a> {
    stored: Stored,
    most_devices: i64,
    /// Users that are made.
    new_users: HashMap<Uuid, Profile>,
    /// In the order in which they are made.
    new_user_ids: Vec<Uuid>,
    changed: HashSet<Uuid>,
    freed: HashSet<Uuid>,
    devices: HashMap<TokenKey<'a>, PlannedDevice<'a>>,
    errors: Vec<RowError>,
    counts: RowCounts,
}

/// Why a row is not stored: its field, or none for the row as a whole.
struct Refusal {
    field: &'static str,
    message: String,
}

impl Refusal {
    fn of(field: &'static str, message: impl Into<String>) -> Self {
        Self {
            field,
            message: message.into(),
        }
    }
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Created,
    Updated,
    None,
}

/// Decides what `rows` change. A User has at most `most_devices` in an App.
pub(super) fn plan(rows: &[ImportRow], stored: Stored, most_devices: i64) -> Plan<'_> {
    let mut planner = Planner {
        stored,
        most_devices,
        new_users: HashMap::new(),
        new_user_ids: Vec::new(),
        changed: HashSet::new(),
        freed: HashSet::new(),
        devices: HashMap::new(),
        errors: Vec::new(),
        counts: RowCounts::default(),
    };

    for (index, row) in rows.iter().enumerate() {
        match planner.add(index, row) {
            Ok(Change::Created) => planner.counts.created += 1,
            Ok(Change::Updated) => planner.counts.updated += 1,
            Ok(Change::None) => planner.counts.unchanged += 1,
            Err(refusal) => {
                planner.counts.failed += 1;
                planner.errors.push(RowError {
                    line: row.line,
                    field: refusal.field.to_owned(),
                    message: refusal.message,
                });
            }
        }
    }

    planner.finish()
}

impl<'a> Planner<'a> {
    fn add(&mut self, index: usize, row: &'a ImportRow) -> Result<Change, Refusal> {
        if !self.stored.apps.contains(&row.app_name) {
            return Err(Refusal::of(
                "appName",
                "no App has this name; an App is created with its first Credential",
            ));
        }

        // What earlier rows of the chunk have planned counts before what is stored, as if each row
        // were registered after the one before.
        let key: TokenKey<'a> = (&row.app_name, row.provider, &row.token_hash);
        let owner = self.owner(index, key);
        let named = self.named_user(index, row)?;
        let user_id = named.or_else(|| self.possible_owner(owner, row));
        let is_new_user = user_id.is_none();
        let user_id = user_id.unwrap_or_else(|| UserId::generate().as_uuid());

        if owner != Some(user_id) {
            self.check_room(user_id, row)?;
        }
        // The User that loses the device has room for one more in a later row.
        if let Some(owner) = owner.filter(|owner| *owner != user_id) {
            *self.count(owner, &row.app_name) -= 1;
        }
        if owner != Some(user_id) {
            *self.count(user_id, &row.app_name) += 1;
        }

        let profile_changed = self.set_profile(user_id, is_new_user, row);
        let change = self.set_device(index, key, user_id, row);
        Ok(match change {
            Change::None if profile_changed => Change::Updated,
            change => change,
        })
    }

    /// The User who has the token by now.
    fn owner(&self, index: usize, key: TokenKey<'a>) -> Option<Uuid> {
        let planned = self.devices.get(&key).map(|device| device.user_id);

        planned.or_else(|| self.stored.devices.get(&index).map(|device| device.user_id))
    }

    /// The User whom a row names.
    fn named_user(&self, index: usize, row: &ImportRow) -> Result<Option<Uuid>, Refusal> {
        let external_id = row.profile.new_external_id();
        let with_external_id =
            external_id.and_then(|id| self.stored.by_external_id.get(id).copied());
        if row.user_id.is_none() {
            return Ok(with_external_id);
        }

        // As in a registration, the id names the User. Its new external id must not be that of
        // another User, because the two are not merged here.
        let Some(user_id) = self.stored.by_user_id.get(&index).copied() else {
            return Err(Refusal::of("userId", "no User has this id"));
        };
        match with_external_id.filter(|other| *other != user_id) {
            Some(other) => {
                let other = UserId::from(other);
                Err(Refusal::of(
                    "externalId",
                    format!("another User of the account has this id: {other}"),
                ))
            }
            None => Ok(Some(user_id)),
        }
    }

    /// The owner, unless the row is for another person: one with an external id that the owner does not
    /// have.
    fn possible_owner(&self, owner: Option<Uuid>, row: &ImportRow) -> Option<Uuid> {
        let owner = owner?;
        let has_external_id = self.profile(owner).external_id.is_some();

        (row.profile.new_external_id().is_none() || !has_external_id).then_some(owner)
    }

    fn profile(&self, user_id: Uuid) -> Profile {
        self.new_users
            .get(&user_id)
            .or_else(|| self.stored.users.get(&user_id))
            .cloned()
            .unwrap_or_default()
    }

    fn count(&mut self, user_id: Uuid, app_name: &str) -> &mut i64 {
        self.stored
            .device_counts
            .entry((user_id, app_name.to_owned()))
            .or_default()
    }

    fn check_room(&mut self, user_id: Uuid, row: &ImportRow) -> Result<(), Refusal> {
        let most = self.most_devices;
        if *self.count(user_id, &row.app_name) < most {
            return Ok(());
        }

        let message =
            format!("the User already has {most} devices in this App, which is the maximum");
        Err(Refusal::of("", message))
    }

    /// Returns whether the profile of a User who was there before has changed.
    fn set_profile(&mut self, user_id: Uuid, is_new: bool, row: &ImportRow) -> bool {
        let before = self.profile(user_id);
        let mut profile = before.clone();
        profile.apply(&row.profile);

        // Later rows find the User by its new external id alone.
        if before.external_id != profile.external_id {
            if let Some(old) = &before.external_id {
                self.stored.by_external_id.remove(old);
                if !is_new && !self.new_users.contains_key(&user_id) {
                    self.freed.insert(user_id);
                }
            }
            if let Some(new) = &profile.external_id {
                self.stored.by_external_id.insert(new.clone(), user_id);
            }
        }

        let has_changed = before != profile;
        // What happens to its device decides how the row of a new User is counted.
        if is_new {
            self.new_user_ids.push(user_id);
            self.new_users.insert(user_id, profile);
            return false;
        }
        // A User that an earlier row has made is inserted with its last profile, and needs no
        // update.
        if let Some(known) = self.new_users.get_mut(&user_id) {
            *known = profile;
        } else if has_changed {
            self.changed.insert(user_id);
            self.stored.users.insert(user_id, profile);
        }
        has_changed
    }

    fn set_device(
        &mut self,
        index: usize,
        key: TokenKey<'a>,
        user_id: Uuid,
        row: &'a ImportRow,
    ) -> Change {
        let planned = match self.devices.entry(key) {
            // A token that comes again changes what is planned, so its last row counts.
            Entry::Occupied(planned) => planned.into_mut(),
            Entry::Vacant(vacant) => match self.stored.devices.get(&index) {
                Some(stored) => vacant.insert(PlannedDevice::of_stored(stored, row)),
                None => {
                    vacant.insert(PlannedDevice::new(user_id, row));
                    return Change::Created;
                }
            },
        };

        if planned.change(user_id, row) {
            Change::Updated
        } else {
            Change::None
        }
    }

    fn finish(self) -> Plan<'a> {
        let Self {
            mut stored,
            mut new_users,
            new_user_ids,
            changed,
            freed,
            devices,
            errors,
            counts,
            ..
        } = self;
        let user = |(id, profile)| PlannedUser { id, profile };

        let mut changed_users: Vec<PlannedUser> = changed
            .into_iter()
            .filter_map(|id| stored.users.remove_entry(&id))
            .map(user)
            .collect();
        // In key order, as by everything that locks several Users.
        changed_users.sort_by_key(|user| user.id);
        let mut freed: Vec<Uuid> = freed.into_iter().collect();
        freed.sort_unstable();
        // In the order of the index, so that neighbours are written together.
        let mut devices: Vec<PlannedDevice<'a>> = devices.into_values().collect();
        devices.sort_by_key(|device| (device.app_name, device.provider as i32, device.token_hash));

        Plan {
            freed,
            new_users: new_user_ids
                .into_iter()
                .filter_map(|id| new_users.remove_entry(&id))
                .map(user)
                .collect(),
            changed_users,
            devices,
            errors,
            counts,
        }
    }
}

impl<'a> PlannedDevice<'a> {
    fn new(user_id: Uuid, row: &'a ImportRow) -> Self {
        Self {
            id: row.new_id,
            app_name: &row.app_name,
            provider: row.provider,
            token_hash: &row.token_hash,
            user_id,
            tags: row.tags.clone(),
            environment: environment_of(row),
            kind: kind_of(row),
            state: DeviceState::New {
                sealed_token: &row.sealed_token,
            },
        }
    }

    /// The device that is stored under the token of `row`, as it is.
    fn of_stored(stored: &StoredDevice, row: &'a ImportRow) -> Self {
        Self {
            id: stored.id,
            app_name: &row.app_name,
            provider: row.provider,
            token_hash: &row.token_hash,
            user_id: stored.user_id,
            tags: stored.tags.clone(),
            environment: stored.environment.clone(),
            kind: stored.kind.clone(),
            state: DeviceState::Stored {
                registration_id: stored.registration_id,
                has_moved: false,
                has_changed: false,
            },
        }
    }

    /// Gives the device to a User, with what `row` says of it. Returns whether anything has changed.
    fn change(&mut self, user_id: Uuid, row: &ImportRow) -> bool {
        // A field that the row does not have keeps its value, as in a registration.
        let tags = row.tags.clone().or_else(|| self.tags.clone());
        let environment = environment_of(row).or_else(|| self.environment.clone());
        let kind = kind_of(row).or_else(|| self.kind.clone());

        let moves = self.user_id != user_id;
        let changes =
            moves || self.tags != tags || self.environment != environment || self.kind != kind;

        self.user_id = user_id;
        self.tags = tags;
        self.environment = environment;
        self.kind = kind;
        if let DeviceState::Stored {
            has_moved,
            has_changed,
            ..
        } = &mut self.state
        {
            *has_moved |= moves;
            *has_changed |= changes;
        }

        changes
    }
}

fn environment_of(row: &ImportRow) -> Option<String> {
    row.environment
        .map(|environment| environment.as_str().to_owned())
}

fn kind_of(row: &ImportRow) -> Option<String> {
    row.kind.map(|kind| kind.as_str().to_owned())
}

#[cfg(test)]
mod tests;
