//! Identifiers: 128-bit `UUIDv7` values (<https://www.rfc-editor.org/rfc/rfc9562#section-5.7>). In the
//! API an id is a prefix, `_`, and 26 characters of lower-case Crockford base32:
//! `comms_operation_01h9krwprkeee8fzqspvwy6nq8`.
//!
//! The low 24 bits of an Operation's id are zero. The [`PushNotificationId`] at position *p* is the
//! Operation's id + *p* + 1. So a notification's id needs no storage, it leads to the Operation by
//! arithmetic, and its time determines the day's partition that the row lies in.
//!
//! Invariant: no two ids of one type have the same value, and id order is creation order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::OffsetDateTime;
use uuid::Uuid;

/// How many bits at the end of an Operation's id number its notifications.
const POSITION_BITS: u32 = 24;
const POSITION_MASK: u128 = (1 << POSITION_BITS) - 1;

/// Most recipients that one Operation can number. Positions are 0-based, and position + 1 must fit in
/// [`POSITION_BITS`].
pub const MAX_POSITIONS: u32 = (1 << POSITION_BITS) - 1;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const ENCODED_LENGTH: usize = 26;

/// A text is not an id of the expected type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be '{prefix}_' followed by 26 characters of 0-9 and a-z without i, l, o, u")]
pub struct ParseIdError {
    prefix: &'static str,
}

fn encode(prefix: &str, id: Uuid) -> String {
    let mut text = String::with_capacity(prefix.len() + 1 + ENCODED_LENGTH);
    text.push_str(prefix);
    text.push('_');

    // 26 digits of five bits, the highest first, so that texts sort as their ids.
    let bits = id.as_u128();
    for index in (0..ENCODED_LENGTH).rev() {
        let digit = (bits >> (index * 5)) as usize & 31;
        text.push(char::from(ALPHABET[digit]));
    }

    text
}

fn decode(prefix: &'static str, text: &str) -> Result<Uuid, ParseIdError> {
    // The error repeats nothing of the text, which may be any string of a client.
    let error = ParseIdError { prefix };
    let digits = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .ok_or(error)?;

    // 26 digits hold 130 bits. A first digit above 7 would not fit in 128.
    if digits.len() != ENCODED_LENGTH || !matches!(digits.as_bytes()[0], b'0'..=b'7') {
        return Err(error);
    }

    let mut bits: u128 = 0;
    for byte in digits.bytes() {
        let digit = ALPHABET
            .iter()
            // Capitals and the look-alikes of Crockford's alphabet are refused: each id has one
            // text.
            .position(|known| *known == byte)
            .ok_or(error)?;
        bits = (bits << 5) | digit as u128;
    }

    Ok(Uuid::from_u128(bits))
}

/// The time in the first 48 bits of a `UUIDv7`, to the millisecond.
fn created_at(id: Uuid) -> OffsetDateTime {
    // RFC 9562, section 5.7: the time stands before version and random bits.
    let milliseconds = (id.as_u128() >> 80).cast_signed();
    OffsetDateTime::from_unix_timestamp_nanos(milliseconds * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// The lowest id that can be given out at `time` or later. A range of times becomes a range of ids.
pub fn lowest_id_at(time: OffsetDateTime) -> Uuid {
    let milliseconds = (time.unix_timestamp_nanos() / 1_000_000)
        .max(0)
        .cast_unsigned();
    // All other bits are zero, also those of the version, so no id of this millisecond is lower.
    Uuid::from_u128(milliseconds << 80)
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type)]
        #[sqlx(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The beginning of every id of this type in the API, without the `_`.
            pub const PREFIX: &'static str = $prefix;

            pub const fn as_uuid(self) -> Uuid {
                self.0
            }

            /// When the id was made, in UTC, to the millisecond.
            pub fn created_at(self) -> OffsetDateTime {
                created_at(self.0)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&encode($prefix, self.0))
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                decode($prefix, text).map(Self)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let pattern = format!("^{}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$", $prefix);
                let string = utoipa::openapi::schema::Type::String;
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(string)
                    .pattern(Some(pattern))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                // A value within a larger one may be borrowed or not, as its escapes require.
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}

id_type!(
    /// One accepted `POST /PushNotifications`.
    OperationId,
    "comms_operation"
);
id_type!(
    /// One notification to one recipient of an Operation.
    PushNotificationId,
    "comms_pushnotification"
);
id_type!(
    /// The secret that authenticates Bellwire at one provider.
    CredentialId,
    "comms_credential"
);
id_type!(
    /// A person who uses an App on one device or several.
    UserId,
    "comms_pushnotificationuser"
);
id_type!(
    /// The devices of one User under one App.
    DeviceRegistrationId,
    "comms_device_registration"
);
id_type!(
    /// One device of a registration. *Extension*.
    DeviceId,
    "bellwire_device"
);
id_type!(
    /// A tenant. *Extension*: the API that Bellwire follows has account SIDs in their place.
    AccountId,
    "bellwire_account"
);

id_type!(
    /// An address that gets events. *Extension*.
    WebhookId,
    "bellwire_webhook"
);
id_type!(
    /// A change that the audit log holds. *Extension*.
    AuditEventId,
    "bellwire_audit_event"
);
id_type!(
    /// One message to a webhook, however often it is tried. *Extension*.
    WebhookDeliveryId,
    "bellwire_webhook_delivery"
);

id_type!(
    /// A file of devices that is read in. *Extension*.
    DeviceImportId,
    "bellwire_device_import"
);

id_type!(
    /// Content that an account has stored. *Extension*.
    TemplateId,
    "bellwire_template"
);

impl OperationId {
    /// A new id, followed by [`MAX_POSITIONS`] ids for notifications.
    pub fn generate() -> Self {
        // 50 bits remain beside the millisecond, so two Operations still differ.
        Self(Uuid::from_u128(Uuid::now_v7().as_u128() & !POSITION_MASK))
    }

    /// The id of the notification at `position` (0-based, request order; below [`MAX_POSITIONS`]).
    pub fn push_notification(self, position: u32) -> PushNotificationId {
        // A higher one would carry into the bits of the Operation, and give the id of another.
        debug_assert!(position < MAX_POSITIONS);
        PushNotificationId(Uuid::from_u128(self.0.as_u128() + u128::from(position) + 1))
    }
}

impl PushNotificationId {
    /// The notification's Operation and its 0-based position there; `None` for an id that belongs to
    /// no notification.
    pub fn locate(self) -> Option<(OperationId, u32)> {
        let number = u32::try_from(self.0.as_u128() & POSITION_MASK).ok()?;
        // Zero is the Operation itself.
        let position = number.checked_sub(1)?;

        let operation = Uuid::from_u128(self.0.as_u128() & !POSITION_MASK);
        Some((OperationId(operation), position))
    }
}

impl CredentialId {
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl UserId {
    /// Stands in records for a User that was erased from them.
    pub const ERASED: Self = Self(Uuid::nil());

    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// Stands for the User with an external id where no User has it: the same for the same id, another in
    /// each account, and never the id of a User.
    pub fn of_external_id(account_id: AccountId, external_id: &str) -> Self {
        // Version 5, because every User's id has version 7.
        Self(Uuid::new_v5(&account_id.as_uuid(), external_id.as_bytes()))
    }

    /// Whether it stands for an external id that no User had.
    pub fn stands_for_external_id(self) -> bool {
        self.0.get_version_num() == 5
    }
}

impl DeviceImportId {
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl DeviceRegistrationId {
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl AccountId {
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl AuditEventId {
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl WebhookId {
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl TemplateId {
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl WebhookDeliveryId {
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXAMPLE: &str = "comms_operation_01h9krwprkeee8fzqspvwy6nq8";

    #[test]
    fn the_documented_example_survives_a_round_trip() {
        let id: OperationId = EXAMPLE.parse().unwrap();

        assert_eq!(id.to_string(), EXAMPLE);
    }

    #[test]
    fn a_notification_leads_back_to_its_operation_and_position() {
        let operation = OperationId::generate();

        for position in [0, 1, 499, 9_999, MAX_POSITIONS - 1] {
            assert_eq!(
                operation.push_notification(position).locate(),
                Some((operation, position))
            );
        }
    }

    #[test]
    fn an_operation_id_is_no_notification_of_itself() {
        let operation = OperationId::generate();

        assert_eq!(PushNotificationId::from(operation.as_uuid()).locate(), None);
    }

    #[test]
    fn text_of_another_kind_length_or_alphabet_is_refused() {
        for text in [
            "comms_credential_01h9krwprkeee8fzqspvwy6nq8",
            "comms_operation_01h9krwprkeee8fzqspvwy6nq",
            "comms_operation_01h9krwprkeee8fzqspvwy6nq8x",
            "comms_operation_81h9krwprkeee8fzqspvwy6nq8",
            "comms_operation_01h9krwprkeee8fzqspvwy6nqu",
            "comms_operation_01H9KRWPRKEEE8FZQSPVWY6NQ8",
            "comms_operation_é1h9krwprkeee8fzqspvwy6nq",
            "",
        ] {
            assert!(text.parse::<OperationId>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_id_carries_its_creation_time() {
        let before = OffsetDateTime::now_utc() - time::Duration::milliseconds(2);
        let created = OperationId::generate().created_at();

        assert!(created >= before && created <= OffsetDateTime::now_utc());
    }

    #[test]
    fn the_lowest_id_of_a_time_divides_earlier_from_later() {
        let id = OperationId::generate();

        assert!(lowest_id_at(id.created_at()) <= id.as_uuid());
        assert!(
            lowest_id_at(id.created_at() + time::Duration::milliseconds(1))
                > id.push_notification(9_999).as_uuid()
        );
    }

    #[test]
    fn id_order_is_creation_order() {
        let ids: Vec<_> = (0..100).map(|_| CredentialId::generate()).collect();

        assert!(ids.is_sorted());
    }

    proptest! {
        #[test]
        fn every_value_survives_a_round_trip(bits: u128) {
            let id = CredentialId(Uuid::from_u128(bits));
            let text = id.to_string();

            prop_assert_eq!(text.parse(), Ok(id));
            prop_assert_eq!(serde_json::from_str(&format!("\"{text}\"")).ok(), Some(id));
            prop_assert!(text.parse::<OperationId>().is_err());
        }

        #[test]
        fn an_id_has_only_one_text(text in "comms_operation_[0-9a-zA-Z]{25,27}") {
            if let Ok(id) = text.parse::<OperationId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }

        #[test]
        fn any_text_is_parsed_without_a_panic(rest in ".*") {
            let _ = rest.parse::<OperationId>();
            let _ = format!("comms_operation_{rest}").parse::<OperationId>();
        }

        #[test]
        fn an_external_id_is_never_the_id_of_a_user(external_id: String) {
            let account_id = AccountId::generate();
            let id = UserId::of_external_id(account_id, &external_id);

            prop_assert_eq!(id, UserId::of_external_id(account_id, &external_id));
            prop_assert_ne!(id, UserId::of_external_id(AccountId::generate(), &external_id));
            prop_assert!(id.stands_for_external_id());
            prop_assert!(!UserId::generate().stands_for_external_id());
        }

        #[test]
        fn texts_sort_as_their_values(one: u128, other: u128) {
            let text = |bits| UserId(Uuid::from_u128(bits)).to_string();

            prop_assert_eq!(text(one).cmp(&text(other)), one.cmp(&other));
        }

        #[test]
        fn a_position_is_found_again(bits: u128, position in 0..MAX_POSITIONS) {
            let operation = OperationId(Uuid::from_u128(bits & !POSITION_MASK));

            prop_assert_eq!(
                operation.push_notification(position).locate(),
                Some((operation, position))
            );
        }

        #[test]
        fn any_id_locates_a_notification_or_none(bits: u128) {
            let id = PushNotificationId(Uuid::from_u128(bits));

            match id.locate() {
                Some((operation, position)) => {
                    prop_assert_eq!(operation.push_notification(position), id);
                }
                None => prop_assert_eq!(bits & POSITION_MASK, 0),
            }
        }
    }
}
