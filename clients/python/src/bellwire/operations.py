"""Made from /openapi.json by `make clients-generated`: do not edit."""

from __future__ import annotations

from collections.abc import Iterator

from .models import (
    AcceptedOperation,
    AcceptedResource,
    Account,
    AccountRequest,
    App,
    AuditEvent,
    CanceledOperations,
    CancelRequest,
    CreatedKey,
    Credential,
    CredentialRequest,
    CredentialTest,
    CredentialType,
    DefaultRequest,
    DeliveryAttempt,
    DeliveryEvent,
    DeliveryStatus,
    DeviceImport,
    DeviceRegistration,
    DeviceTagsRequest,
    ErrorTotals,
    Estimate,
    EstimateRequest,
    ExportedDevice,
    FullPushNotification,
    ImportError,
    Key,
    KeyRequest,
    MergeRequest,
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
    Template,
    TemplateChangeRequest,
    TemplateRequest,
    TemplateVersion,
    User,
    UserDataLine,
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
        """Cancels the unsettled notifications of all Operations that have these tags, up to 1,000
        Operations (extension).
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

    def create_key(self, request: KeyRequest | None = None) -> CreatedKey:
        """Creates an API key (extension). Its secret is shown once, so the request takes no
        Idempotency-Key.
        """
        answer: CreatedKey = self._transport.call("POST", path("/v1/PushNotifications/Keys"), body=request)
        return answer

    def create_template(self, request: TemplateRequest, *, idempotency_key: str | None = None) -> Template:
        """Stores a template (extension)."""
        answer: Template = self._transport.call(
            "POST",
            path("/v1/PushNotifications/Templates"),
            body=request,
            idempotency_key=idempotency_key,
            takes_idempotency_key=True,
        )
        return answer

    def create_webhook(self, request: WebhookRequest, *, idempotency_key: str | None = None) -> WebhookWithSecret:
        """Stores a webhook (extension). Only this answer shows its secret; a repeat under the same
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

    def delete_template(self, id: str) -> None:
        """Deletes a template with its versions (extension). Sends that were accepted with it keep
        their content.
        """
        self._transport.call("DELETE", path("/v1/PushNotifications/Templates/{}", id))

    def delete_user(self, id: str, *, records: bool | None = None) -> None:
        """Deletes a User with its devices. Notifications queued for it become unaddressable."""
        self._transport.call("DELETE", path("/v1/PushNotifications/Users/{}", id), query={"records": records})

    def delete_webhook(self, id: str) -> None:
        """Deletes a webhook with its deliveries (extension)."""
        self._transport.call("DELETE", path("/v1/PushNotifications/Webhooks/{}", id))

    def estimate_audience(self, request: EstimateRequest) -> Estimate:
        """Counts the Users and devices of an audience (extension). A large one is estimated from a
        sample.
        """
        answer: Estimate = self._transport.call("POST", path("/v1/PushNotifications/Audiences/Estimate"), body=request)
        return answer

    def export_devices(self, *, app_name: str | None = None, tokens: str | None = None) -> Iterator[ExportedDevice]:
        """Every device with its User, as NDJSON, or as CSV if `Accept` asks for `text/csv`
        (extension). Tokens are masked, unless a key with the role `FULL` asks for them.
        """
        return self._transport.lines(
            path("/v1/PushNotifications/DeviceRegistrations/Export"), {"appName": app_name, "tokens": tokens}
        )

    def export_operation_results(self, id: str) -> Iterator[OperationResult]:
        """The outcome of every recipient, in the order of the request: as NDJSON, or as CSV if
        `Accept` asks for `text/csv` (extension).
        """
        return self._transport.lines(path("/v1/PushNotifications/Operations/{}/Results", id))

    def export_user_data(self, id: str, *, tokens: str | None = None) -> Iterator[UserDataLine]:
        """All data about a User (extension): a line of NDJSON for the User, each device, and each
        notification on record with its attempts. Tokens are masked, unless a key with the role
        `FULL` asks for them.
        """
        return self._transport.lines(path("/v1/PushNotifications/Users/{}/Data", id), {"tokens": tokens})

    def fetch_account(self) -> Account:
        """The settings of the account (extension)."""
        answer: Account = self._transport.call("GET", path("/v1/PushNotifications/Account"))
        return answer

    def fetch_app(self, name: str) -> App:
        """One App."""
        answer: App = self._transport.call("GET", path("/v1/PushNotifications/Apps/{}", name))
        return answer

    def fetch_credential(self, id: str) -> Credential:
        """One Credential."""
        answer: Credential = self._transport.call("GET", path("/v1/PushNotifications/Credentials/{}", id))
        return answer

    def fetch_device_import(self, id: str) -> DeviceImport:
        """One import of devices, with its progress (extension)."""
        answer: DeviceImport = self._transport.call(
            "GET", path("/v1/PushNotifications/DeviceRegistrations/Imports/{}", id)
        )
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

    def fetch_template(self, id: str) -> Template:
        """One template in its newest version (extension)."""
        answer: Template = self._transport.call("GET", path("/v1/PushNotifications/Templates/{}", id))
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

    def list_audit_events(
        self,
        *,
        action: str | None = None,
        actor: str | None = None,
        target: str | None = None,
        start_date: str | None = None,
        end_date: str | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> Pager[AuditEvent]:
        """Changes of the account, newest first (extension)."""
        return Pager(
            self._transport,
            path("/v1/PushNotifications/AuditEvents"),
            {
                "action": action,
                "actor": actor,
                "target": target,
                "startDate": start_date,
                "endDate": end_date,
                "pageSize": page_size,
                "pageToken": page_token,
            },
            "auditEvents",
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

    def list_device_import_errors(
        self, id: str, *, page_size: int | None = None, page_token: str | None = None
    ) -> Pager[ImportError]:
        """The problems with the rows of an import, by line (extension). At most 10,000 errors are
        kept.
        """
        return Pager(
            self._transport,
            path("/v1/PushNotifications/DeviceRegistrations/Imports/{}/Errors", id),
            {"pageSize": page_size, "pageToken": page_token},
            "errors",
        )

    def list_device_imports(
        self, *, page_size: int | None = None, page_token: str | None = None
    ) -> Pager[DeviceImport]:
        """Imports of devices, newest first (extension)."""
        return Pager(
            self._transport,
            path("/v1/PushNotifications/DeviceRegistrations/Imports"),
            {"pageSize": page_size, "pageToken": page_token},
            "imports",
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
        external_id: str | None = None,
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
                "externalId": external_id,
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
        external_id: str | None = None,
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
                "externalId": external_id,
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

    def list_template_versions(
        self, id: str, *, page_size: int | None = None, page_token: str | None = None
    ) -> Pager[TemplateVersion]:
        """The versions of a template that are kept, newest first (extension)."""
        return Pager(
            self._transport,
            path("/v1/PushNotifications/Templates/{}/Versions", id),
            {"pageSize": page_size, "pageToken": page_token},
            "versions",
        )

    def list_templates(self, *, page_size: int | None = None, page_token: str | None = None) -> Pager[Template]:
        """Templates in their newest versions, newest first (extension)."""
        return Pager(
            self._transport,
            path("/v1/PushNotifications/Templates"),
            {"pageSize": page_size, "pageToken": page_token},
            "templates",
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
        event: DeliveryEvent | None = None,
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

    def merge_user(self, id: str, request: MergeRequest, *, idempotency_key: str | None = None) -> AcceptedResource:
        """Merges a User into another, the target (extension). The target gets its devices, and
        those fields of its profile that the target lacks. The target's id finds the records of
        both. A repeat changes nothing.
        """
        answer: AcceptedResource = self._transport.call(
            "POST",
            path("/v1/PushNotifications/Users/{}/Merge", id),
            body=request,
            idempotency_key=idempotency_key,
            takes_idempotency_key=True,
        )
        return answer

    def pause_operation(self, id: str, *, idempotency_key: str | None = None) -> AcceptedOperation:
        """Stops sending an Operation until it is resumed (extension)."""
        answer: AcceptedOperation = self._transport.call(
            "POST",
            path("/v1/PushNotifications/Operations/{}/Pause", id),
            idempotency_key=idempotency_key,
            takes_idempotency_key=True,
        )
        return answer

    def preview_push_notifications(self, request: SendRequest) -> PreviewList:
        """Shows the requests to FCM and APNs that a send would cause, without sending them
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
        """Removes one device of a registration (extension). Removing the last device deletes the
        registration.
        """
        self._transport.call("DELETE", path("/v1/PushNotifications/DeviceRegistrations/{}/Devices/{}", id, device_id))

    def remove_device_by_token(self, request: RemoveRequest, *, idempotency_key: str | None = None) -> None:
        """Removes the device that has a token (extension). The token is in the body, because it is
        a secret.
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
        """Sends a message again, whether it was delivered or not (extension). It has the same
        `webhook-id`.
        """
        answer: AcceptedResource = self._transport.call(
            "POST",
            path("/v1/PushNotifications/Webhooks/{}/Deliveries/{}/Resend", id, delivery_id),
            idempotency_key=idempotency_key,
            takes_idempotency_key=True,
        )
        return answer

    def resume_operation(self, id: str, *, idempotency_key: str | None = None) -> AcceptedOperation:
        """Continues sending a paused Operation (extension)."""
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

    def rotate_key(self, key: str, request: RotateRequest | None = None) -> CreatedKey:
        """Creates a key in place of another one, which works for the overlap (extension). The new
        key has its role, name and note.
        """
        answer: CreatedKey = self._transport.call(
            "POST", path("/v1/PushNotifications/Keys/{}/Rotate", key), body=request
        )
        return answer

    def rotate_webhook_secret(self, id: str, *, idempotency_key: str | None = None) -> WebhookWithSecret:
        """Gives a webhook a new secret (extension). For 24 hours, requests to it also have a
        signature with the previous secret. Only this answer shows the new secret; a repeat
        under the same Idempotency-Key does not.
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
        """Records that messages were delivered, opened or dismissed, for up to 100 receipts of an
        app (extension). Needs no API key.
        """
        self._transport.call("POST", path("/v1/Receipts"), body=request)

    def test_credential(self, id: str) -> CredentialTest:
        """Tests a Credential with its provider, without delivering anything (extension)."""
        answer: CredentialTest = self._transport.call("POST", path("/v1/PushNotifications/Credentials/{}/Test", id))
        return answer

    def test_webhook(self, id: str, *, idempotency_key: str | None = None) -> AcceptedResource:
        """Sends a test message to a webhook (extension). Its event is `webhook.test`."""
        answer: AcceptedResource = self._transport.call(
            "POST",
            path("/v1/PushNotifications/Webhooks/{}/Test", id),
            idempotency_key=idempotency_key,
            takes_idempotency_key=True,
        )
        return answer

    def update_account(self, request: AccountRequest) -> Account:
        """Sets or removes the cap of pushes for each User of the account (extension)."""
        answer: Account = self._transport.call("PUT", path("/v1/PushNotifications/Account"), body=request)
        return answer

    def update_app(self, name: str, request: DefaultRequest) -> AcceptedResource:
        """Makes an App the default: a send without `from` uses its Credentials."""
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

    def update_operation(
        self, id: str, request: OperationChangeRequest, *, idempotency_key: str | None = None
    ) -> AcceptedOperation:
        """Changes when a SCHEDULED Operation is sent, or how fast an Operation is sent
        (extension).
        """
        answer: AcceptedOperation = self._transport.call(
            "PATCH",
            path("/v1/PushNotifications/Operations/{}", id),
            body=request,
            idempotency_key=idempotency_key,
            takes_idempotency_key=True,
        )
        return answer

    def update_template(self, id: str, request: TemplateChangeRequest) -> AcceptedResource:
        """Changes a template (extension). An absent field stays as it is; `null` removes
        `localizations` or `defaults`. A change of anything but the name makes a new version.
        """
        answer: AcceptedResource = self._transport.call(
            "PATCH", path("/v1/PushNotifications/Templates/{}", id), body=request
        )
        return answer

    def update_user(self, id: str, request: UserRequest) -> AcceptedResource:
        """Changes the profile of a User (extension). An absent field stays as it is; `null` clears
        it.
        """
        answer: AcceptedResource = self._transport.call("PUT", path("/v1/PushNotifications/Users/{}", id), body=request)
        return answer

    def update_webhook(self, id: str, request: WebhookChangeRequest) -> AcceptedResource:
        """Changes a webhook (extension). An absent field stays as it is; `null` removes `appName`,
        `tags` or `description`, and makes `envelope` `standard`.
        """
        answer: AcceptedResource = self._transport.call(
            "PATCH", path("/v1/PushNotifications/Webhooks/{}", id), body=request
        )
        return answer
