//! One attempt to deliver a message: makes its body of what the database has now, signs it, and sends it
//! to an address that is checked first.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderName, Request, Response};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::crypto::{MasterKeys, SignedMessage};
use crate::events::body::{
    Body, DateData, Message, NotificationData, PartData, RecipientData, operation_data,
};
use crate::events::verdict::Outcome;
use crate::model::failure::is_withheld;
use crate::model::id::{AccountId, OperationId};
use crate::model::masked_token::masked;
use crate::model::recipient::Recipient;
use crate::model::status::PushNotificationStatus;
use crate::model::webhook::{DeliveryContent, EventType, Part, ReceiptPart, RemovedDevice};
use crate::store::external_ids;
use crate::store::operation_read;
use crate::store::outcome_record::Status;
use crate::store::pool::Pool;
use crate::store::webhook_notifications::{self, ReportedNotification};
use crate::store::webhook_queue::ClaimedDelivery;
use crate::transport::{AddressGuard, Http1Client, retry_after};

/// How long a receiver may take to answer, from the look-up of its name to the head of its answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the rest of its answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// How much of an answer's body is read, in bytes.
const MAX_ANSWER: usize = 1024;
/// How many characters of it are kept.
const KEPT_CHARACTERS: usize = 256;

/// Makes and sends messages. All tasks of the sender share it.
pub(super) struct Requester {
    pub pool: Pool,
    pub master_keys: MasterKeys,
    pub client: Http1Client,
    pub address_guard: AddressGuard,
}

/// What came of an attempt.
pub(super) struct Attempted {
    pub outcome: Outcome,
    pub http_status: Option<u16>,
    /// `None`: the receiver took the message.
    pub error: Option<String>,
    /// The beginning of the answer's body.
    pub answer: Option<String>,
    pub started_at: OffsetDateTime,
    pub duration: Duration,
}

/// An answer, as far as it matters.
struct Answered {
    status: u16,
    retry_after: Option<Duration>,
    text: String,
}

impl Requester {
    /// Tries once. An error means that Postgres failed, and that nothing was sent.
    pub(super) async fn attempt(&self, delivery: &ClaimedDelivery) -> sqlx::Result<Attempted> {
        let Some(data) = self.data(delivery).await? else {
            return Ok(Attempted {
                outcome: Outcome::ContentGone,
                http_status: None,
                error: Some("the records that it reports are no longer stored".to_owned()),
                answer: None,
                started_at: OffsetDateTime::now_utc(),
                duration: Duration::ZERO,
            });
        };
        let message = Message {
            id: delivery.id,
            event: &delivery.event,
            occurred_at: delivery.created_at,
            envelope: delivery.envelope,
            data,
        };

        // Begins here, so that the time to read the records does not count as the receiver's.
        let started_at = OffsetDateTime::now_utc();
        let started = Instant::now();
        let sent = tokio::time::timeout(REQUEST_TIMEOUT, self.send(delivery, message.body())).await;
        let sent = sent.unwrap_or_else(|_| {
            let seconds = REQUEST_TIMEOUT.as_secs();
            Err(format!("no answer within {seconds} s"))
        });

        let (outcome, http_status, error, answer) = match sent {
            Ok(answered) => {
                let outcome = Outcome::of_status(answered.status, answered.retry_after);
                let error = (outcome != Outcome::Taken).then(|| of_status(answered.status));
                (outcome, Some(answered.status), error, Some(answered.text))
            }
            Err(reason) => {
                let outcome = Outcome::Failed { retry_after: None };
                (outcome, None, Some(reason), None)
            }
        };
        Ok(Attempted {
            outcome,
            http_status,
            error,
            answer: answer.filter(|text| !text.is_empty()),
            started_at,
            duration: started.elapsed(),
        })
    }

    /// The error is a reason for people.
    async fn send(&self, delivery: &ClaimedDelivery, body: Body) -> Result<Answered, String> {
        let url = self
            .address_guard
            .parse(&delivery.url)
            .map_err(|error| format!("its URL {error}"))?;
        // The connection uses the checked addresses: a second look-up could return a private address.
        let addresses = self
            .address_guard
            .resolve(&url)
            .await
            .map_err(|error| format!("its URL {error}"))?;

        let id = delivery.id.to_string();
        // That of the attempt: receivers refuse a signature with an old timestamp, to prevent
        // replays.
        let timestamp = OffsetDateTime::now_utc().unix_timestamp();
        let signed = SignedMessage {
            id: &id,
            timestamp,
            body: &body.bytes,
        };
        // One signature for each secret, so that a receiver accepts messages while its secret is rotated.
        let signatures = signed.signatures(&self.secrets(delivery)?);

        let request = Request::post(url.as_str())
            .header(CONTENT_TYPE, body.content_type)
            .header(USER_AGENT, concat!("Bellwire/", env!("CARGO_PKG_VERSION")))
            .header(HeaderName::from_static("webhook-id"), &id)
            .header(HeaderName::from_static("webhook-timestamp"), timestamp)
            .header(HeaderName::from_static("webhook-signature"), signatures)
            .body(Bytes::from(body.bytes))
            .map_err(|error| format!("its URL can't be requested: {error}"))?;

        let response = self
            .client
            .send_to(&addresses, request)
            .await
            .map_err(|error| error.to_string())?;
        Ok(read(response).await)
    }

    fn secrets(&self, delivery: &ClaimedDelivery) -> Result<Vec<Vec<u8>>, String> {
        let account_id = delivery.account_id.as_uuid();
        let webhook_id = delivery.webhook_id.as_uuid();

        delivery
            .secrets
            .iter()
            .map(|sealed| {
                self.master_keys
                    .open_webhook_secret(account_id, webhook_id, sealed)
                    .map_err(|error| format!("its secret can't be decrypted: {error}"))
            })
            .collect()
    }

    /// What the message reports. `None`: that is no longer stored.
    async fn data(&self, delivery: &ClaimedDelivery) -> sqlx::Result<Option<Value>> {
        let data = match &delivery.content {
            DeliveryContent::Notifications(parts) => {
                json!(self.parts(delivery, parts).await?)
            }
            DeliveryContent::Receipts(parts) => {
                json!(self.receipts(delivery, parts).await?)
            }
            DeliveryContent::Operation(id) => {
                return self.operation(delivery.account_id, *id).await;
            }
            DeliveryContent::PausedOperation(paused) => {
                let id = paused.operation_id;
                let operation = self.operation(delivery.account_id, id).await?;
                // It may have been resumed since.
                return Ok(operation.map(|mut operation| {
                    operation["pausedReason"] = json!(paused.reason);
                    operation
                }));
            }
            DeliveryContent::Devices(devices) => {
                let devices = devices.iter();
                devices
                    .map(|device| self.device(delivery.account_id, device))
                    .collect()
            }
            DeliveryContent::Credential(credential) => json!({
                "credentialId": credential.credential(),
                "appName": credential.app_name,
                "credentialType": credential.credential_type,
                "reason": credential.reason,
            }),
            DeliveryContent::Test => json!({
                "webhookId": delivery.webhook_id,
                "message": "This is a test",
            }),
        };

        Ok(Some(data))
    }

    async fn operation(
        &self,
        account_id: AccountId,
        id: OperationId,
    ) -> sqlx::Result<Option<Value>> {
        let operation = operation_read::fetch(&self.pool, account_id, id, Uuid::nil()).await?;

        Ok(operation.as_ref().map(operation_data))
    }

    async fn parts(
        &self,
        delivery: &ClaimedDelivery,
        parts: &[Part],
    ) -> sqlx::Result<Vec<PartData>> {
        let ranges: Vec<(OperationId, i32, i32)> = parts
            .iter()
            .map(|part| {
                let end = part.first_position + part.size;
                (part.operation_id, part.first_position, end)
            })
            .collect();
        let statuses = statuses_of(&delivery.event);
        let found = self
            .notifications(delivery.account_id, &ranges, statuses)
            .await?;

        let mut data: Vec<PartData> = parts
            .iter()
            .map(|part| PartData {
                operation_id: part.operation_id,
                sequence: part.sequence.into(),
                is_final: part.is_final,
                notifications: Vec::new(),
            })
            .collect();
        for notification in found {
            let Some(part) = data.get_mut(notification.part) else {
                continue;
            };
            // The statement returns them in the order of parts and positions.
            let notification =
                self.notification(delivery.account_id, part.operation_id, notification);
            part.notifications.push(notification);
        }

        Ok(data)
    }

    async fn receipts(
        &self,
        delivery: &ClaimedDelivery,
        parts: &[ReceiptPart],
    ) -> sqlx::Result<Vec<PartData>> {
        let ranges: Vec<(OperationId, i32, i32)> = parts
            .iter()
            .flat_map(|part| {
                let positions = part.positions.iter();
                positions.map(|position| (part.operation_id, *position, position + 1))
            })
            .collect();
        // The index of the part of each range.
        let part_of: Vec<usize> = parts
            .iter()
            .enumerate()
            .flat_map(|(index, part)| std::iter::repeat_n(index, part.positions.len()))
            .collect();
        let found = self
            .notifications(delivery.account_id, &ranges, Status::ALL)
            .await?;

        let mut data: Vec<PartData> = parts
            .iter()
            .map(|part| PartData {
                operation_id: part.operation_id,
                sequence: part.sequence,
                // Another receipt may come at any time.
                is_final: false,
                notifications: Vec::new(),
            })
            .collect();
        for notification in found {
            let part = part_of.get(notification.part);
            if let Some(part) = part.and_then(|index| data.get_mut(*index)) {
                let operation_id = part.operation_id;
                let notification =
                    self.notification(delivery.account_id, operation_id, notification);
                part.notifications.push(notification);
            }
        }

        Ok(data)
    }

    /// The notifications at these positions that have one of `statuses`.
    async fn notifications(
        &self,
        account_id: AccountId,
        ranges: &[(OperationId, i32, i32)],
        statuses: &[Status],
    ) -> sqlx::Result<Vec<ReportedNotification>> {
        let mut found = webhook_notifications::fetch(&self.pool, ranges, statuses).await?;

        let recipients = found.iter_mut().map(|found| &mut found.recipient);
        external_ids::add(&self.pool, account_id, recipients).await?;
        Ok(found)
    }

    fn notification(
        &self,
        account_id: AccountId,
        operation_id: OperationId,
        notification: ReportedNotification,
    ) -> NotificationData {
        let to = match notification.recipient {
            Recipient::Device {
                provider, token, ..
            } => RecipientData::Device {
                token: self.shown_token(account_id, &token),
                provider,
            },
            Recipient::User(user) => RecipientData::User {
                user_id: user.user_id(),
                external_id: user.external_id,
            },
        };
        let status = match notification.status {
            Status::Sent => PushNotificationStatus::Sent,
            Status::Canceled => PushNotificationStatus::Canceled,
            // A receipt may come before the outcome is recorded.
            Status::Queued => PushNotificationStatus::Queued,
            Status::Failed | Status::Unaddressable => PushNotificationStatus::Failed,
        };
        // What was sent after a failure has none any more.
        let code = notification
            .error_code
            .filter(|code| shows_code(status, code));

        NotificationData {
            id: operation_id.push_notification(notification.position.cast_unsigned()),
            position: notification.position,
            to,
            status,
            message: notification.error_message.filter(|_| code.is_some()),
            code,
            attempts: notification.attempts,
            updated_at: notification.updated_at.map(DateData),
            delivered_at: notification.delivered_at.map(DateData),
            opened_at: notification.opened_at.map(DateData),
        }
    }

    fn device(&self, account_id: AccountId, device: &RemovedDevice) -> Value {
        // Postgres breaks base64 into lines.
        let encoded: String = device.token.split_whitespace().collect();
        let sealed = STANDARD.decode(encoded).unwrap_or_default();

        let mut data = json!({
            "deviceRegistrationId": device.registration(),
            "userId": device.user(),
            "appName": device.app_name,
            "provider": device.provider,
            "token": self.shown_device_token(account_id, device.device_id, &sealed),
            "removedAt": DateData(device.removed_at),
        });
        if let Some(external_id) = &device.external_id {
            data["externalId"] = json!(external_id);
        }
        data
    }

    /// The ends of a direct recipient's token.
    fn shown_token(&self, account_id: AccountId, sealed: &[u8]) -> String {
        let token = self
            .master_keys
            .open_direct_token(account_id.as_uuid(), sealed);

        // Without its master key no token is shown. The rest of the message is sent all the same.
        masked(&token.unwrap_or_default())
    }

    /// The ends of a registered device's token.
    fn shown_device_token(&self, account_id: AccountId, device: Uuid, sealed: &[u8]) -> String {
        let token = self
            .master_keys
            .open_device_token(account_id.as_uuid(), device, sealed);

        masked(&token.unwrap_or_default())
    }
}

/// Whether the last error is why the notification has this status.
fn shows_code(status: PushNotificationStatus, code: &str) -> bool {
    match status {
        PushNotificationStatus::Failed => true,
        PushNotificationStatus::Canceled => is_withheld(code),
        PushNotificationStatus::Scheduled
        | PushNotificationStatus::Queued
        | PushNotificationStatus::Sent => false,
    }
}

/// The statuses that an event reports.
fn statuses_of(event: &str) -> &'static [Status] {
    match event.parse() {
        Ok(EventType::NotificationFailed) => &[Status::Failed, Status::Unaddressable],
        Ok(EventType::NotificationCanceled) => &[Status::Canceled],
        Ok(EventType::NotificationSent) => &[Status::Sent],
        _ => &[],
    }
}

fn of_status(status: u16) -> String {
    match status {
        300..=399 => format!("the receiver answered {status}; redirects are not followed"),
        _ => format!("the receiver answered {status}"),
    }
}

/// Reads the beginning of an answer. Its status counts, even if the rest does not come.
async fn read(response: Response<hyper::body::Incoming>) -> Answered {
    let status = response.status().as_u16();
    let retry_after = retry_after(response.headers());

    let mut body = response.into_body();
    let mut bytes = Vec::new();
    let reading = async {
        while bytes.len() < MAX_ANSWER
            && let Some(Ok(frame)) = body.frame().await
        {
            if let Some(data) = frame.data_ref() {
                bytes.extend_from_slice(data.get(..MAX_ANSWER).unwrap_or(data));
            }
        }
    };
    // Whether it ended or not.
    let _ = tokio::time::timeout(ANSWER_TIMEOUT, reading).await;

    Answered {
        status,
        retry_after,
        text: kept(&bytes),
    }
}

/// The beginning of an answer, as text that Postgres takes.
fn kept(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .filter(|character| *character != '\0')
        .take(KEPT_CHARACTERS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_kept_in_part() {
        assert_eq!(kept(b"no\0t now"), "not now");
        assert_eq!(
            kept("é".repeat(600).as_bytes()).chars().count(),
            KEPT_CHARACTERS
        );
        assert_eq!(kept(b"\xff"), "\u{fffd}");
    }

    #[test]
    fn a_redirect_is_named() {
        assert!(of_status(302).contains("redirects are not followed"));
    }
}
