//! Schemas of request fields that have a limit. Each limit is the constant that the validation
//! uses; utoipa's attributes would take only literals.

use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder};
use utoipa::openapi::{ObjectBuilder, Ref, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::http::openapi::requests::{
    ConditionRequest, LocalizationRequest, ReceiptRequest, RecipientRequest,
};
use crate::http::resources::{keys, receipts, resend, template_fields, webhook_fields};
use crate::http::{app_name, audience, device, send, tags};
use crate::model::id::MAX_POSITIONS;
use crate::model::pace::MAX_PER_MINUTE;
use crate::model::push_cap::MAX_PUSHES;
use crate::model::user_profile;
use crate::model::webhook::EventType;
use crate::transport::MAX_URL;

/// Defines a type that a field of a request names as its `value_type`.
macro_rules! field_schema {
    ($name:ident, $schema:expr) => {
        pub(super) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $name {}
    };
}

field_schema!(AppName, string().pattern(Some(app_name::pattern())));
field_schema!(AudienceMax, positive_integer(MAX_POSITIONS));
field_schema!(Badge, badge());
field_schema!(
    BadgeOrTemplate,
    OneOfBuilder::new().item(badge()).item(string())
);
field_schema!(CapMax, positive_integer(MAX_PUSHES));
field_schema!(Choices, choices());
field_schema!(CollapseKey, string_of_up_to(send::MAX_COLLAPSE_KEY));
field_schema!(Deadline, positive_integer(send::MAX_DEADLINE));
field_schema!(DeviceToken, string_of_up_to(device::MAX_TOKEN));
field_schema!(PerMinute, positive_integer(MAX_PER_MINUTE));
field_schema!(FailedPercent, positive_integer(send::MAX_PERCENT));
field_schema!(GuardAfter, positive_integer(send::MAX_AFTER));
field_schema!(
    ExternalId,
    string().pattern(Some(user_profile::external_id_pattern()))
);
field_schema!(KeyName, string_of_up_to(keys::MAX_NAME));
field_schema!(KeyNote, string_of_up_to(keys::MAX_NOTE));
field_schema!(Language, string_of_up_to(user_profile::MAX_LANGUAGE));
field_schema!(OptedOutTags, opted_out_tags());
field_schema!(Overlap, integer().maximum(Some(keys::MAX_OVERLAP)));
field_schema!(FailureCodes, failure_codes());
field_schema!(Positions, positions());
field_schema!(SendAt, send_at());
field_schema!(Tags, tags());
field_schema!(TemplateName, string_of_up_to(template_fields::MAX_NAME));
field_schema!(Timezone, string_of_up_to(user_profile::MAX_TIMEZONE));
field_schema!(Ttl, integer().maximum(Some(send::MAX_TTL)));
field_schema!(
    WebhookDescription,
    string().max_length(Some(webhook_fields::MAX_DESCRIPTION))
);
field_schema!(WebhookUrl, string_of_up_to(MAX_URL));

pub(super) enum WebhookEvents {}

impl PartialSchema for WebhookEvents {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new()
            .items(Ref::from_schema_name(EventType::name()))
            .min_items(Some(1))
            .into()
    }
}

impl ToSchema for WebhookEvents {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((EventType::name().into_owned(), EventType::schema()));
    }
}

pub(super) enum Recipients {}

impl PartialSchema for Recipients {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new()
            .items(Ref::from_schema_name(RecipientRequest::name()))
            .min_items(Some(1))
            .max_items(Some(send::MAX_RECIPIENTS))
            .into()
    }
}

impl ToSchema for Recipients {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((
            RecipientRequest::name().into_owned(),
            RecipientRequest::schema(),
        ));
        RecipientRequest::schemas(schemas);
    }
}

pub(super) enum ConditionList {}

impl PartialSchema for ConditionList {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new()
            .items(Ref::from_schema_name(ConditionRequest::name()))
            .min_items(Some(1))
            .max_items(Some(audience::MAX_CONDITIONS))
            .into()
    }
}

impl ToSchema for ConditionList {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((
            ConditionRequest::name().into_owned(),
            ConditionRequest::schema(),
        ));
        ConditionRequest::schemas(schemas);
    }
}

pub(super) enum Localizations {}

impl PartialSchema for Localizations {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .additional_properties(Some(Ref::from_schema_name(LocalizationRequest::name())))
            .max_properties(Some(send::MAX_LOCALIZATIONS))
            .into()
    }
}

impl ToSchema for Localizations {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((
            LocalizationRequest::name().into_owned(),
            LocalizationRequest::schema(),
        ));
    }
}

pub(super) enum Receipts {}

impl PartialSchema for Receipts {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new()
            .items(Ref::from_schema_name(ReceiptRequest::name()))
            .min_items(Some(1))
            .max_items(Some(receipts::MAX_RECEIPTS))
            .into()
    }
}

impl ToSchema for Receipts {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((
            ReceiptRequest::name().into_owned(),
            ReceiptRequest::schema(),
        ));
        ReceiptRequest::schemas(schemas);
    }
}

fn opted_out_tags() -> ArrayBuilder {
    ArrayBuilder::new()
        .items(string().pattern(Some(tags::key_or_pair_pattern())))
        .max_items(Some(user_profile::MAX_OPTED_OUT_TAGS))
}

fn failure_codes() -> ArrayBuilder {
    ArrayBuilder::new()
        .items(string())
        .min_items(Some(1))
        .max_items(Some(resend::MAX_CODES))
}

fn positions() -> ArrayBuilder {
    ArrayBuilder::new()
        .items(integer().maximum(Some(MAX_POSITIONS - 1)))
        .min_items(Some(1))
        .max_items(Some(resend::MAX_POSITIONS_NAMED))
}

/// A string, or several of which one is enough.
fn choices() -> OneOfBuilder {
    let several = ArrayBuilder::new()
        .items(string())
        .min_items(Some(1))
        .max_items(Some(audience::MAX_CHOICES));

    OneOfBuilder::new().item(string()).item(several)
}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn string_of_up_to(longest: usize) -> ObjectBuilder {
    string().min_length(Some(1)).max_length(Some(longest))
}

fn integer() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(0))
}

fn badge() -> ObjectBuilder {
    integer().maximum(Some(send::MAX_BADGE))
}

fn positive_integer(most: u32) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(most))
}

fn send_at() -> ArrayBuilder {
    let description = format!(
        "At most {} days ahead, or `retention.period` if that is shorter",
        send::MAX_AHEAD.whole_days()
    );

    ArrayBuilder::new()
        .items(string())
        .min_items(Some(1))
        .max_items(Some(1))
        .description(Some(description))
}

fn tags() -> ObjectBuilder {
    let key: Schema = string().pattern(Some(tags::key_pattern())).into();
    let value: Schema = string().pattern(Some(tags::value_pattern())).into();

    ObjectBuilder::new()
        .property_names(Some(key))
        .additional_properties(Some(value))
        .max_properties(Some(tags::MAX_TAGS))
}
