"""Made from /openapi.json by `make clients-generated`: do not edit."""

from __future__ import annotations

from collections.abc import Iterator

from .models import (
    AcceptedOperation,
    AcceptedResource,
    App,
    CanceledOperations,
    CancelRequest,
    CreatedKey,
    Credential,
    CredentialRequest,
    CredentialTest,
    CredentialType,
    DefaultRequest,
    DeliveryAttempt,
    DeliveryStatus,
    DeviceRegistration,
    DeviceTagsRequest,
    ErrorTotals,
    EventType,
    FullPushNotification,
    Key,
    KeyRequest,
    Operation,
    OperationChangeRequest,
    OperationError,
    OperationResult,
    OperationStatus,
    PreviewList,
    Provider,
    PushNotification,
    PushNotificationStatus,
    ReceiptsRequest,
    RegisteredDevice,
    RegisterRequest,
    RemoveRequest,
    ResendRequest,
    RotateRequest,
    SendRequest,
    User,
    UserRequest,
    Webhook,
    WebhookChangeRequest,
    WebhookDelivery,
    WebhookRequest,
    WebhookWithSecret,
)
from .pager import Pager
from .transport import Transport, path


class Operations:
    """Every operation of the API. A list is read page by page while it is iterated."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def cancel_operation(self, id: str, *, idempotency_key: str | None = None) -> AcceptedOperation:
        """Cancels an Operation's notifications that are not settled (extension)."""
        answer: AcceptedOperation = self._transport.call(
            "POST",
            path("/v1/PushNotifications/Operations/{}/Cancel", id),
            idempotency_key=idempotency_key,
            takes_idempotency_key=True,
        )
        return answer

    def cancel_operations(self, request: CancelRequest) -> CanceledOperations:
        """Cancels what is not settled of all Operations that have these tags, up to 1,000
        (extension).
        """
        answer: CanceledOperations = self._transport.call(
            "POST", path("/v1/PushNotifications/Operations/Cancel"), body=request
        )
        return answer

    def cancel_push_notification(self, id: str, *, idempotency_key: str | None = None) -> AcceptedOperation:
        """Cancels one notification (extension)."""
        answer: AcceptedOperation = self._transport.call(
            "POST",
            path("/v1/PushNotifications/{}/Cancel", id),
            idempotency_key=idempotency_key,
            takes_idempotency_key=True,
        )
        return answer

    def create_credential(self, request: CredentialRequest, *, idempotency_key: str | None = None) -> AcceptedResource:
        """Stores a Credential. The first one of an App creates the App."""
        answer: AcceptedResource = self._transport.call(
            "POST",
            path("/v1/PushNotifications/Credentials"),
            body=request,
            idempotency_key=idempotency_key,
            takes_idempotency_key=True,
        )
        return answer

    def create_key(self, request: KeyRequest) -> CreatedKey:
        """Creates an API key (extension). Its secret is shown once, so the request takes no
        Idempotency-Key.
        """
        answer: CreatedKey = self._transport.call("POST", path("/v1/PushNotifications/Keys"), body=request)
        return answer

    def create_webhook(self, request: WebhookRequest, *, idempotency_key: str | None = None) -> WebhookWithSecret:
        """Stores a webhook (extension). The answer alone shows its secret; a repeat under the same
        Idempotency-Key does not.
        """
        answer: WebhookWithSecret = self._transport.call(
            "POST",
            path("/v1/PushNotifications/Webhooks"),
            body=request,
            idempotency_key=idempotency_key,
            takes_idempotency_key=True,
        )
        return answer

    def delete_credential(self, id: str) -> None:
        """Deletes a Credential. Notifications queued with it fail."""
        self._transport.call("DELETE", path("/v1/PushNotifications/Credentials/{}", id))

    def delete_device_registration(self, id: str) -> None:
        """Deletes a registration with its devices."""
        self._transport.call("DELETE", path("/v1/PushNotifications/DeviceRegistrations/{}", id))

    def delete_user(self, id: str) -> None:
        """Deletes a User with its devices. Notifications queued for it become unaddressable."""
        self._transport.call("DELETE", path("/v1/PushNotifications/Users/{}", id))

    def delete_webhook(self, id: str) -> None:
        """Deletes a webhook with its deliveries (extension)."""
        self._transport.call("DELETE", path("/v1/PushNotifications/Webhooks/{}", id))

    def export_operation_results(self, id: str) -> Iterator[OperationResult]:
        """The outcome of every recipient, in the order of the request: as NDJSON, or as CSV if
        `Accept` asks for `text/csv` (extension).
        """
        return self._transport.lines(path("/v1/PushNotifications/Operations/{}/Results", id))

    def fetch_app(self, name: str) -> App:
        """One App."""
        answer: App = self._transport.call("GET", path("/v1/PushNotifications/Apps/{}", name))
        return answer

    def fetch_credential(self, id: str) -> Credential:
        """One Credential."""
        answer: Credential = self._transport.call("GET", path("/v1/PushNotifications/Credentials/{}", id))
        return answer

    def fetch_device_registration(self, id: str) -> DeviceRegistration:
        """One registration."""
        answer: DeviceRegistration = self._transport.call(
            "GET", path("/v1/PushNotifications/DeviceRegistrations/{}", id)
        )
        return answer

    def fetch_error_totals(self, *, start_date: str | None = None, end_date: str | None = None) -> ErrorTotals:
        """How many of an account's notifications failed with each code (extension)."""
        answer: ErrorTotals = self._transport.call(
            "GET", path("/v1/PushNotifications/ErrorTotals"), query={"startDate": start_date, "endDate": end_date}
        )
        return answer

    def fetch_key(self, key: str) -> Key:
        """One API key (extension)."""
        answer: Key = self._transport.call("GET", path("/v1/PushNotifications/Keys/{}", key))
        return answer

    def fetch_operation(self, id: str, *, wait: str | None = None) -> Operation:
        """One Operation."""
        answer: Operation = self._transport.call(
            "GET", path("/v1/PushNotifications/Operations/{}", id), query={"wait": wait}
        )
        return answer

    def fetch_operation_error_totals(self, id: str) -> ErrorTotals:
        """How many of an Operation's notifications failed with each code (extension)."""
        answer: ErrorTotals = self._transport.call("GET", path("/v1/PushNotifications/Operations/{}/ErrorTotals", id))
        return answer

    def fetch_push_notification(self, id: str) -> FullPushNotification:
        """One notification with its content."""
        answer: FullPushNotification = self._transport.call("GET", path("/v1/PushNotifications/{}", id))
        return answer

    def fetch_user(self, id: str) -> User:
        """One User."""
        answer: User = self._transport.call("GET", path("/v1/PushNotifications/Users/{}", id))
        return answer

    def fetch_webhook(self, id: str) -> Webhook:
        """One webhook (extension)."""
        answer: Webhook = self._transport.call("GET", path("/v1/PushNotifications/Webhooks/{}", id))
        return answer

    def fetch_webhook_delivery(self, id: str, delivery_id: str) -> WebhookDelivery:
        """One message to a webhook (extension)."""
        answer: WebhookDelivery = self._transport.call(
            "GET", path("/v1/PushNotifications/Webhooks/{}/Deliveries/{}", id, delivery_id)
        )
        return answer

    def list_apps(
        self,
        *,
        is_default: bool | None = None,
        start_date: str | None = None,
        end_date: str | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> Pager[App]:
        """Apps, by name."""
        return Pager(
            self._transport,
            path("/v1/PushNotifications/Apps"),
            {
                "isDefault": is_default,
                "startDate": start_date,
                "endDate": end_date,
                "pageSize": page_size,
                "pageToken": page_token,
            },
            "apps",
        )

    def list_credentials(
        self,
        *,
        app_name: str | None = None,
        credential_type: CredentialType | None = None,
        is_default: bool | None = None,
        start_date: str | None = None,
        end_date: str | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> Pager[Credential]:
        """Credentials, newest first."""
        return Pager(
            self._transport,
            path("/v1/PushNotifications/Credentials"),
            {
                "appName": app_name,
                "credentialType": credential_type,
                "isDefault": is_default,
                "startDate": start_date,
                "endDate": end_date,
                "pageSize": page_size,
                "pageToken": page_token,
            },
            "credentials",
        )

    def list_delivery_attempts(
        self, id: str, *, page_size: int | None = None, page_token: str | None = None
    ) -> Pager[DeliveryAttempt]:
        """A notification's delivery attempts, first to last (extension)."""
        return Pager(
            self._transport,
            path("/v1/PushNotifications/{}/DeliveryAttempts", id),
            {"pageSize": page_size, "pageToken": page_token},
            "deliveryAttempts",
        )

    def list_device_registrations(
        self, *, user_id: str, app_name: str | None = None, page_size: int | None = None, page_token: str | None = None
    ) -> Pager[DeviceRegistration]:
        """The registrations of a User, newest first."""
        return Pager(
            self._transport,
            path("/v1/PushNotifications/DeviceRegistrations"),
            {"userId": user_id, "appName": app_name, "pageSize": page_size, "pageToken": page_token},
            "deviceRegistrations",
        )

    def list_keys(self, *, page_size: int | None = None, page_token: str | None = None) -> Pager[Key]:
        """API keys of the account, by user name (extension)."""
        return Pager(
            self._transport,
            path("/v1/PushNotifications/Keys"),
            {"pageSize": page_size, "pageToken": page_token},
            "keys",
        )

    def list_operation_errors(
        self,
        id: str,
        *,
        code: str | None = None,
        push_notification_id: str | None = None,
        user: str | None = None,
        user_id: str | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> Pager[OperationError]:
        """An Operation's errors, in the order of its request (extension)."""
        return Pager(
            self._transport,
            path("/v1/PushNotifications/Operations/{}/Errors", id),
            {
                "code": code,
                "pushNotificationId": push_notification_id,
                "user": user,
                "userId": user_id,
                "pageSize": page_size,
                "pageToken": page_token,
            },
            "errors",
        )

    def list_operations(
        self,
        *,
        status: OperationStatus | None = None,
        tags: str | None = None,
        scheduled_after: str | None = None,
        scheduled_before: str | None = None,
        start_date: str | None = None,
        end_date: str | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> Pager[Operation]:
        """Operations, newest first. With a filter that few match, a page may be short or empty
        although others follow.
        """
        return Pager(
            self._transport,
            path("/v1/PushNotifications/Operations"),
            {
                "status": status,
                "tags": tags,
                "scheduledAfter": scheduled_after,
                "scheduledBefore": scheduled_before,
                "startDate": start_date,
                "endDate": end_date,
                "pageSize": page_size,
                "pageToken": page_token,
            },
            "operations",
        )

    def list_push_notifications(
        self,
        *,
        operation_id: str | None = None,
        status: PushNotificationStatus | None = None,
        tags: str | None = None,
        user: str | None = None,
        user_id: str | None = None,
        provider: Provider | None = None,
        delivered: bool | None = None,
        opened: bool | None = None,
        start_date: str | None = None,
        end_date: str | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> Pager[PushNotification]:
        """Notifications: those of the newest Operation first; within an Operation, in the order of
        its request. With a filter that few match, a page may be short or empty although others
        follow.
        """
        return Pager(
            self._transport,
            path("/v1/PushNotifications"),
            {
                "operationId": operation_id,
                "status": status,
                "tags": tags,
                "user": user,
                "userId": user_id,
                "provider": provider,
                "delivered": delivered,
                "opened": opened,
                "startDate": start_date,
                "endDate": end_date,
                "pageSize": page_size,
                "pageToken": page_token,
            },
            "pushNotifications",
        )

    def list_users(
        self, *, external_id: str | None = None, page_size: int | None = None, page_token: str | None = None
    ) -> Pager[User]:
        """Users, newest first."""
        return Pager(
            self._transport,
            path("/v1/PushNotifications/Users"),
            {"externalId": external_id, "pageSize": page_size, "pageToken": page_token},
            "users",
        )

    def list_webhook_deliveries(
        self,
        id: str,
        *,
        status: DeliveryStatus | None = None,
        event: EventType | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> Pager[WebhookDelivery]:
        """Messages to a webhook, newest first (extension)."""
        return Pager(
            self._transport,
            path("/v1/PushNotifications/Webhooks/{}/Deliveries", id),
            {"status": status, "event": event, "pageSize": page_size, "pageToken": page_token},
            "deliveries",
        )

    def list_webhooks(self, *, page_size: int | None = None, page_token: str | None = None) -> Pager[Webhook]:
        """Webhooks, newest first (extension)."""
        return Pager(
            self._transport,
            path("/v1/PushNotifications/Webhooks"),
            {"pageSize": page_size, "pageToken": page_token},
            "webhooks",
        )

    def pause_operation(self, id: str, *, idempotency_key: str | None = None) -> AcceptedOperation:
        """Stops to send an Operation until it is resumed (extension)."""
        answer: AcceptedOperation = self._transport.call(
            "POST",
            path("/v1/PushNotifications/Operations/{}/Pause", id),
            idempotency_key=idempotency_key,
            takes_idempotency_key=True,
        )
        return answer

    def preview_push_notifications(self, request: SendRequest) -> PreviewList:
        """Shows the requests to FCM and APNs that a send would cause, and sends nothing
        (extension).
        """
        answer: PreviewList = self._transport.call("POST", path("/v1/PushNotifications/Preview"), body=request)
        return answer

    def register_device(self, request: RegisterRequest, *, idempotency_key: str | None = None) -> RegisteredDevice:
        """Registers a device, for the User that the request names by `userId` or `externalId`;
        else for the one who has the token, or a new one.
        """
        answer: RegisteredDevice = self._transport.call(
            "POST",
            path("/v1/PushNotifications/DeviceRegistrations"),
            body=request,
            idempotency_key=idempotency_key,
            takes_idempotency_key=True,
        )
        return answer

    def remove_device(self, id: str, device_id: str) -> None:
        """Removes one device of a registration (extension). The registration goes with its last
        device.
        """
        self._transport.call("DELETE", path("/v1/PushNotifications/DeviceRegistrations/{}/Devices/{}", id, device_id))

    def remove_device_by_token(self, request: RemoveRequest, *, idempotency_key: str | None = None) -> None:
        """Removes the device that has a token, which is a secret and so is not part of an address
        (extension).
        """
        self._transport.call(
            "POST",
            path("/v1/PushNotifications/DeviceRegistrations/Remove"),
            body=request,
            idempotency_key=idempotency_key,
            takes_idempotency_key=True,
        )

    def resend_operation(
        self, id: str, request: ResendRequest | None = None, *, idempotency_key: str | None = None
    ) -> AcceptedOperation:
        """Sends the failed notifications of an Operation again, as a new Operation (extension)."""
        answer: AcceptedOperation = self._transport.call(
            "POST",
            path("/v1/PushNotifications/Operations/{}/Resend", id),
            body=request,
            idempotency_key=idempotency_key,
            takes_idempotency_key=True,
        )
        return answer

    def resend_webhook_delivery(
        self, id: str, delivery_id: str, *, idempotency_key: str | None = None
    ) -> AcceptedResource:
        """Sends a message again, whatever became of it (extension). It has the same `webhook-id`."""
        answer: AcceptedResource = self._transport.call(
            "POST",
            path("/v1/PushNotifications/Webhooks/{}/Deliveries/{}/Resend", id, delivery_id),
            idempotency_key=idempotency_key,
            takes_idempotency_key=True,
        )
        return answer

    def resume_operation(self, id: str, *, idempotency_key: str | None = None) -> AcceptedOperation:
        """Goes on sending a paused Operation (extension)."""
        answer: AcceptedOperation = self._transport.call(
            "POST",
            path("/v1/PushNotifications/Operations/{}/Resume", id),
            idempotency_key=idempotency_key,
            takes_idempotency_key=True,
        )
        return answer

    def revoke_key(self, key: str) -> None:
        """Revokes an API key (extension). Its next request is refused."""
        self._transport.call("DELETE", path("/v1/PushNotifications/Keys/{}", key))

    def rotate_key(self, key: str, request: RotateRequest) -> CreatedKey:
        """Creates a key in place of another one, which works for the overlap (extension). The new
        key has its role, name and note.
        """
        answer: CreatedKey = self._transport.call(
            "POST", path("/v1/PushNotifications/Keys/{}/Rotate", key), body=request
        )
        return answer

    def rotate_webhook_secret(self, id: str, *, idempotency_key: str | None = None) -> WebhookWithSecret:
        """Gives a webhook a new secret (extension). For 24 hours, requests to it have a signature
        of the secret before, too. The answer alone shows the new secret; a repeat under the
        same Idempotency-Key does not.
        """
        answer: WebhookWithSecret = self._transport.call(
            "POST",
            path("/v1/PushNotifications/Webhooks/{}/RotateSecret", id),
            idempotency_key=idempotency_key,
            takes_idempotency_key=True,
        )
        return answer

    def send_push_notifications(self, request: SendRequest, *, idempotency_key: str | None = None) -> AcceptedOperation:
        """Sends a message to devices and Users, or to an audience."""
        answer: AcceptedOperation = self._transport.call(
            "POST",
            path("/v1/PushNotifications"),
            body=request,
            idempotency_key=idempotency_key,
            takes_idempotency_key=True,
        )
        return answer

    def send_receipts(self, request: ReceiptsRequest) -> None:
        """Takes what an app reports of up to 100 messages, without an API key (extension)."""
        self._transport.call("POST", path("/v1/Receipts"), body=request)

    def test_credential(self, id: str) -> CredentialTest:
        """Tries a Credential with its provider, and delivers nothing (extension)."""
        answer: CredentialTest = self._transport.call("POST", path("/v1/PushNotifications/Credentials/{}/Test", id))
        return answer

    def test_webhook(self, id: str, *, idempotency_key: str | None = None) -> AcceptedResource:
        """Sends a message to a webhook, to try its receiver (extension). Its event is
        `webhook.test`.
        """
        answer: AcceptedResource = self._transport.call(
            "POST",
            path("/v1/PushNotifications/Webhooks/{}/Test", id),
            idempotency_key=idempotency_key,
            takes_idempotency_key=True,
        )
        return answer

    def update_app(self, name: str, request: DefaultRequest) -> AcceptedResource:
        """Makes an App the default: a send that names no sender uses its Credentials."""
        answer: AcceptedResource = self._transport.call(
            "PATCH", path("/v1/PushNotifications/Apps/{}", name), body=request
        )
        return answer

    def update_credential(self, id: str, request: DefaultRequest) -> AcceptedResource:
        """Makes a Credential the default of its App and type."""
        answer: AcceptedResource = self._transport.call(
            "PATCH", path("/v1/PushNotifications/Credentials/{}", id), body=request
        )
        return answer

    def update_device(self, id: str, device_id: str, request: DeviceTagsRequest) -> AcceptedResource:
        """Replaces the tags of one device (extension)."""
        answer: AcceptedResource = self._transport.call(
            "PATCH", path("/v1/PushNotifications/DeviceRegistrations/{}/Devices/{}", id, device_id), body=request
        )
        return answer

    def update_operation(self, id: str, request: OperationChangeRequest) -> AcceptedOperation:
        """Changes when a SCHEDULED Operation is sent, or how fast an Operation is sent
        (extension).
        """
        answer: AcceptedOperation = self._transport.call(
            "PATCH", path("/v1/PushNotifications/Operations/{}", id), body=request
        )
        return answer

    def update_user(self, id: str, request: UserRequest) -> AcceptedResource:
        """Changes what is known of a User beside its devices (extension). A field that is absent
        stays as it is; `null` clears it.
        """
        answer: AcceptedResource = self._transport.call("PUT", path("/v1/PushNotifications/Users/{}", id), body=request)
        return answer

    def update_webhook(self, id: str, request: WebhookChangeRequest) -> AcceptedResource:
        """Changes a webhook (extension). A field that is absent stays as it is; `null` takes away
        `appName`, `tags` and `description`.
        """
        answer: AcceptedResource = self._transport.call(
            "PATCH", path("/v1/PushNotifications/Webhooks/{}", id), body=request
        )
        return answer
