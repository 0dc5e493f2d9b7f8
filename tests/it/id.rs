//! Ids as a client sees them.

use bellwire::model::id::{OperationId, PushNotificationId};

#[test]
fn a_notification_id_read_back_from_json_names_its_operation() {
    let operation = OperationId::generate();
    let json = serde_json::to_string(&operation.push_notification(41)).unwrap();
    let id: PushNotificationId = serde_json::from_str(&json).unwrap();
    assert_eq!(id.locate(), Some((operation, 41)));
}
