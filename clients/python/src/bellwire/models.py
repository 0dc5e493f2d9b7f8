"""Made from /openapi.json by `make clients-generated`: do not edit."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

AttemptStatus: TypeAlias = Literal["SENT", "FAILED"]
BadgeOrTemplate: TypeAlias = "int | str"
CredentialStatus: TypeAlias = Literal["UNUSED", "WORKING", "REFUSED", "UNREACHABLE", "UNREADABLE", "EXPIRED"]
CredentialType: TypeAlias = Literal["FCM", "APN", "APN_SANDBOX"]
DeliveryStatus: TypeAlias = Literal["PENDING", "DELIVERED", "FAILED"]
Envelope: TypeAlias = Literal["standard", "cloudevents"]
Environment: TypeAlias = Literal["SANDBOX", "PRODUCTION"]
EventType: TypeAlias = Literal[
    "operation.processing",
    "operation.completed",
    "operation.canceled",
    "operation.paused",
    "notification.failed",
    "notification.canceled",
    "notification.sent",
    "notification.delivered",
    "notification.opened",
    "device.removed",
    "credential.refused",
    "credential.recovered",
]
KeyStatus: TypeAlias = Literal["ACTIVE", "EXPIRED", "REVOKED"]
OperationStatus: TypeAlias = Literal["SCHEDULED", "PROCESSING", "COMPLETED", "CANCELED"]
Priority: TypeAlias = Literal["HIGH", "LOW"]
Provider: TypeAlias = Literal["FCM", "APN"]
PushNotificationStatus: TypeAlias = Literal["SCHEDULED", "QUEUED", "SENT", "FAILED", "CANCELED"]
ReceiptEventRequest: TypeAlias = Literal["DELIVERED", "OPENED", "DISMISSED"]
RecipientRequest: TypeAlias = "DeviceRecipient | UserRecipient | AudienceRecipient"
Role: TypeAlias = Literal["FULL", "SEND", "READ"]
SenderRequest: TypeAlias = "CredentialsSender | AppSender"
Sound: TypeAlias = "str | SoundOfEach"
TokenKind: TypeAlias = Literal["ALERT", "VOIP"]
WebhookStatus: TypeAlias = Literal["ENABLED", "DISABLED"]
WebhookStatusRequest: TypeAlias = Literal["ENABLED", "DISABLED"]


class AcceptedOperation(TypedDict):
    """An Operation was accepted, or what is left of it was canceled."""

    operationId: str
    # The address of the Operation, which shows its progress.
    operationLocation: str


class AcceptedResource(TypedDict):
    """A resource was created or changed."""

    # The id of the resource; the name of an App.
    resourceId: str
    # The address of the resource.
    resourceLocation: str


class App(TypedDict):
    createdAt: str
    defaultCredentials: list[DefaultCredential]
    isDefault: bool
    name: str
    updatedAt: str


class AppList(TypedDict):
    apps: list[App]
    pagination: Pagination


class AppSender(TypedDict):
    """The default Credentials of an App (extension)."""

    appName: str


class AttemptError(TypedDict):
    """The provider's error."""

    code: NotRequired[str | None]
    message: NotRequired[str | None]


class AudienceRecipient(TypedDict):
    """Every User of the sender's App, or those with tagged devices (extension). An audience must
    be the only recipient.
    """

    audience: AudienceRequest


class AudienceRequest(TypedDict):
    # If present, only devices with all of these tags.
    tags: NotRequired[dict[str, str] | None]


class CancelRequest(TypedDict):
    """Which Operations are canceled (extension): those with all of these tags, at least one."""

    tags: dict[str, str]


class CanceledOperations(TypedDict):
    """The Operations that a request has canceled."""

    # Whether there may be more: repeat the request.
    hasMore: bool
    # The oldest first.
    operations: list[str]


class CodeTotal(TypedDict):
    # The provider's code, or Bellwire's if the notifications failed without an attempt.
    code: str
    count: int


class ContentRequest(TypedDict):
    """What is shown or handed to the app; at least one field. Each string may be a Liquid
    template.
    """

    body: NotRequired[str | None]
    # Pairs that are handed to the app (extension).
    data: NotRequired[dict[str, str] | None]
    # The URL of an image (extension).
    image: NotRequired[str | None]
    title: NotRequired[str | None]


class CreatedKey(TypedDict):
    """A new key. The secret is not stored, and not shown again."""

    expiresAt: NotRequired[str | None]
    key: str
    secret: str


class Credential(TypedDict):
    appName: str
    # When its certificate ends; null: it has none (extension).
    certificateExpiresAt: NotRequired[str | None]
    createdAt: str
    credentialType: CredentialType
    # Public facts of its content (extension).
    details: CredentialDetails
    id: str
    isDefault: bool
    # What its provider said when it was used last without success (extension).
    lastError: NotRequired[str | None]
    # When that was (extension).
    lastErrorAt: NotRequired[str | None]
    # When it was used last, give or take a minute (extension).
    lastUsedAt: NotRequired[str | None]
    # How it does (extension).
    status: CredentialStatus
    # When its content or `isDefault` changed.
    updatedAt: str


class CredentialDetails(TypedDict):
    """Public facts of a Credential's content. Fields that do not apply are null."""

    # APNs: the app.
    bundleId: NotRequired[str | None]
    # APNs, with a certificate: its name.
    certificateName: NotRequired[str | None]
    # FCM: the service account.
    clientEmail: NotRequired[str | None]
    # APNs, with a signing key: the id of the key.
    keyId: NotRequired[str | None]
    # FCM: the id of the service account's key.
    privateKeyId: NotRequired[str | None]
    # FCM: the Firebase project.
    projectId: NotRequired[str | None]
    # APNs, with a signing key: the team.
    teamId: NotRequired[str | None]


class CredentialList(TypedDict):
    credentials: list[Credential]
    pagination: Pagination


class CredentialRequest(TypedDict):
    # The App of the Credential. It is created with its first Credential.
    appName: str
    # FCM: Google's service account file, or `projectId`, `clientEmail` and `privateKey`. APNs:
    # `privateKey`, `teamId`, `keyId` and `bundleId`; or `certificate`, `privateKey` and, if the
    # certificate has none, `bundleId`.
    content: dict[str, Any]
    credentialType: CredentialType
    isDefault: NotRequired[bool | None]
    # Tries the Credential with its provider first, and stores it only if the provider takes it
    # (extension).
    verify: NotRequired[bool | None]


class CredentialTest(TypedDict):
    """The result of a test."""

    # What the provider says; null: it takes the Credential.
    error: NotRequired[str | None]
    status: CredentialStatus
    testedAt: str


class CredentialsSender(TypedDict):
    """A Credential for each provider, at least one."""

    apn: NotRequired[str | None]
    fcm: NotRequired[str | None]


class DefaultCredential(TypedDict):
    credentialType: CredentialType
    id: str


class DefaultRequest(TypedDict):
    """Makes a resource the default."""

    # Must be `true`. To replace a default, make another resource the default.
    isDefault: bool


class DeliveryAttempt(TypedDict):
    createdAt: str
    credentialId: str
    durationMs: int
    error: NotRequired[AttemptError | None]
    httpStatus: NotRequired[int | None]
    # 1 for the first attempt.
    number: int
    operationId: str
    # How Bellwire classified the provider's answer: `ACCEPTED`, `TOKEN_DEAD` and others.
    outcome: str
    provider: Provider
    providerMessageId: NotRequired[str | None]
    pushNotificationId: str
    status: AttemptStatus
    # Masked: only its ends are shown.
    token: str
    updatedAt: str


class DeliveryAttemptList(TypedDict):
    deliveryAttempts: list[DeliveryAttempt]
    pagination: Pagination


class Device(TypedDict):
    deviceId: str
    # Of an APNs device that was registered with it.
    environment: NotRequired[Environment | None]
    # Of an APNs device that was registered with it.
    kind: NotRequired[TokenKind | None]
    provider: Provider
    tags: NotRequired[dict[str, str] | None]
    # Masked: only its ends are shown, because it is a secret.
    token: str


class DeviceRecipient(TypedDict):
    # In place of the message's badge (extension).
    badge: NotRequired[int | None]
    # Of an APNs token (extension). It chooses between an `APN` and an `APN_SANDBOX` Credential.
    environment: NotRequired[Environment | None]
    provider: Provider
    token: str
    # The values for the message's templates.
    variables: NotRequired[dict[str, Any] | None]


class DeviceRegistration(TypedDict):
    appName: str
    createdAt: str
    devices: list[Device]
    # The account's own id of the User (extension). Absent: it has none.
    externalId: NotRequired[str | None]
    id: str
    # Always empty; Twilio's API has it.
    related: list[Any]
    updatedAt: str
    userId: str


class DeviceRegistrationList(TypedDict):
    deviceRegistrations: list[DeviceRegistration]
    pagination: Pagination


class DeviceTagsRequest(TypedDict):
    """The tags of a device."""

    # They replace those that the device has.
    tags: dict[str, str]


class ErrorTotals(TypedDict):
    """How many notifications failed, by code. The most frequent code comes first."""

    errorTotals: list[CodeTotal]
    # Whether all were counted. If not, the newest Operations were: ask for a shorter time.
    isComplete: bool


_FullPushNotification = TypedDict("_FullPushNotification", {"from": "Sender"})


class FullPushNotification(_FullPushNotification):
    """A notification with its content, as the recipient gets it."""

    createdAt: str
    # Only of a FAILED one (extension).
    error: NotRequired[NotificationError | None]
    id: str
    operationId: str
    priority: Priority
    # Present if it was scheduled (extension).
    schedule: NotRequired[Schedule | None]
    status: PushNotificationStatus
    # Of its Operation, as the next three (extension).
    tags: NotRequired[dict[str, str] | None]
    to: Recipient
    # In seconds (extension in lists).
    ttl: NotRequired[int | None]
    updatedAt: str
    # Only of a QUEUED one that is not about to be sent (extension).
    waitingFor: NotRequired[WaitingFor | None]
    deliveredAt: NotRequired[str | None]
    dismissedAt: NotRequired[str | None]
    openedAt: NotRequired[str | None]
    content: dict[str, Any]
    sound: NotRequired[Sound | None]


class GuardRequest(TypedDict):
    """When an Operation pauses by itself (extension): once `after` notifications were sent or
    failed, and this share of them failed.
    """

    after: int
    failedPercent: int


class Key(TypedDict):
    """An API key, without its secret."""

    createdAt: str
    # From then on it is refused; null: it has no end.
    expiresAt: NotRequired[str | None]
    # The user name of HTTP Basic.
    key: str
    # Give or take a minute; null: it was never used.
    lastUsedAt: NotRequired[str | None]
    name: NotRequired[str | None]
    note: NotRequired[str | None]
    revokedAt: NotRequired[str | None]
    role: Role
    status: KeyStatus


class KeyList(TypedDict):
    keys: list[Key]
    pagination: Pagination


class KeyRequest(TypedDict):
    """A new API key (extension)."""

    # An RFC 3339 timestamp in the future, from which on the key is refused. If absent, it has no
    # end.
    expiresAt: NotRequired[str | None]
    # What it is for.
    name: NotRequired[str | None]
    # Anything else to remember.
    note: NotRequired[str | None]
    # What the key allows: everything, to send and to cancel, or to read. `FULL` if absent.
    role: NotRequired[Role | None]


class NotificationError(TypedDict):
    """Why a notification failed (extension), as in the Operation's Errors, or why Bellwire
    withheld it.
    """

    # The provider's code, or Bellwire's.
    code: str
    message: NotRequired[str | None]


_Operation = TypedDict("_Operation", {"from": "NotRequired[dict[str, Any] | None]"})


class Operation(_Operation):
    createdAt: str
    id: str
    # How fast it is sent, if not as fast as it goes (extension).
    pace: NotRequired[Pace | None]
    # Whether nothing of it is sent until it is resumed (extension).
    paused: bool
    # `REQUESTED`, or `GUARD` if it paused by itself (extension).
    pausedReason: NotRequired[str | None]
    # (extension)
    priority: Priority
    # The Operation whose failed notifications this one sends again (extension).
    resendOf: NotRequired[str | None]
    # Present if the Operation was scheduled (extension).
    schedule: NotRequired[Schedule | None]
    stats: Stats
    status: OperationStatus
    # As in the request (extension).
    tags: NotRequired[dict[str, str] | None]
    # In seconds (extension).
    ttl: NotRequired[int | None]
    updatedAt: str
    # What its first unsettled notification waits for, if that is not about to be sent. A list looks
    # at a bounded number of notifications to say so (extension).
    waitingFor: NotRequired[WaitingFor | None]


class OperationChangeRequest(TypedDict):
    """What to change of an Operation (extension): its time, if it is SCHEDULED, its pace, or both."""

    pace: NotRequired[PaceRequest | None]
    schedule: NotRequired[ScheduleRequest | None]


class OperationError(TypedDict):
    attempts: int
    # The provider's code, or Bellwire's if the notification failed without an attempt.
    code: str
    createdAt: str
    message: NotRequired[str | None]
    # The recipient's index in `to` of the request, from 0.
    position: int
    pushNotificationId: str
    to: Recipient


class OperationErrorList(TypedDict):
    errors: list[OperationError]
    pagination: Pagination


class OperationList(TypedDict):
    operations: list[Operation]
    pagination: Pagination


class OperationResult(TypedDict):
    """The outcome of one recipient: a line of the stream. In CSV, `to` is the columns `provider`,
    `token` and `userId`.
    """

    attempts: int
    # The last error: the provider's code, or Bellwire's. `null` if there was none.
    code: NotRequired[str | None]
    # When the app first reported each event; `null`: it has not.
    deliveredAt: NotRequired[str | None]
    dismissedAt: NotRequired[str | None]
    id: str
    message: NotRequired[str | None]
    openedAt: NotRequired[str | None]
    # The recipient's index in `to` of the request, from 0.
    position: int
    status: PushNotificationStatus
    to: Recipient
    updatedAt: str


class Pace(TypedDict):
    """How fast an Operation is sent."""

    # Notifications in a minute.
    perMinute: int


class PaceRequest(TypedDict):
    """How many notifications of an Operation are sent in a minute (extension)."""

    perMinute: int


class Pagination(TypedDict):
    """`pagination` of a list."""

    # The token of the next page; `null` on the last page, and there alone. A page may be short or
    # empty although others follow: a request looks at a bounded number of records.
    next: NotRequired[str | None]
    # The token of this page.
    self: str


class Preview(TypedDict):
    # Why the recipient, or one of its devices, would get nothing.
    errors: NotRequired[list[RecipientError] | None]
    # The recipient's index in `to`.
    position: int
    # One for each device.
    requests: list[ProviderRequest]


class PreviewList(TypedDict):
    # One for each recipient, in request order.
    previews: list[Preview]


class ProviderRequest(TypedDict):
    # The body; a token in it shows only its ends.
    body: Any
    # The headers.
    headers: dict[str, str]
    # The method.
    method: str
    # The address; a token in it shows only its ends.
    url: str
    credentialId: str
    provider: Provider


_PushNotification = TypedDict("_PushNotification", {"from": "Sender"})


class PushNotification(_PushNotification):
    """A notification without its content, as lists hold it."""

    createdAt: str
    # Only of a FAILED one (extension).
    error: NotRequired[NotificationError | None]
    id: str
    operationId: str
    priority: Priority
    # Present if it was scheduled (extension).
    schedule: NotRequired[Schedule | None]
    status: PushNotificationStatus
    # Of its Operation, as the next three (extension).
    tags: NotRequired[dict[str, str] | None]
    to: Recipient
    # In seconds (extension in lists).
    ttl: NotRequired[int | None]
    updatedAt: str
    # Only of a QUEUED one that is not about to be sent (extension).
    waitingFor: NotRequired[WaitingFor | None]


class PushNotificationList(TypedDict):
    pagination: Pagination
    pushNotifications: list[PushNotification]


class ReceiptRequest(TypedDict):
    # When it happened, an RFC 3339 timestamp. If absent, now.
    at: NotRequired[str | None]
    event: ReceiptEventRequest
    # `bw_receipt` of the message's data. Any other string is ignored.
    receipt: str


class ReceiptsRequest(TypedDict):
    """What an app reports of messages (extension)."""

    receipts: list[ReceiptRequest]


class Recipient(TypedDict):
    """The recipient of a notification."""

    provider: NotRequired[Provider | None]
    # Masked: only its ends are shown, because it is a secret.
    token: NotRequired[str | None]
    userId: NotRequired[str | None]


class RecipientError(TypedDict):
    """Why a recipient, or one of its devices, would get nothing."""

    # The provider's code, or one of Bellwire's.
    code: str
    message: str
    # The recipient's index in `to`; absent: an audience.
    position: NotRequired[int | None]


class RegisterRequest(TypedDict):
    # The name of an App that exists.
    appName: str
    # Of an APNs token (extension). It chooses between an `APN` and an `APN_SANDBOX` Credential.
    environment: NotRequired[Environment | None]
    # The account's own id of the User (extension). Without `userId` it names the User, who is
    # created if no User has it. A User without one who has the token gets it.
    externalId: NotRequired[str | None]
    # What an APNs token is for (extension): `VOIP` tokens get pushes of the type `voip` and no
    # others.
    kind: NotRequired[TokenKind | None]
    # The User's language, a tag as BCP 47 describes (extension).
    language: NotRequired[str | None]
    # Whether the User gets nothing (extension).
    optedOut: NotRequired[bool | None]
    # The tags of Operations that the User does not get, each a key or `key:value` (extension).
    optedOutTags: NotRequired[list[str] | None]
    provider: Provider
    # An older token of the same device, which this one replaces (extension). The device keeps its
    # id, its tags and its User.
    replaces: NotRequired[str | None]
    # Tags by which an audience selects devices (extension). If absent, those that the device has.
    tags: NotRequired[dict[str, str] | None]
    # The User's time zone, a name of the IANA database (extension).
    timezone: NotRequired[str | None]
    token: str
    # If absent, the device stays with the User who has the token (extension), or is registered for
    # a new User.
    userId: NotRequired[str | None]
    # The values for templates that a recipient of a send does not give (extension). They replace
    # those that the User has.
    variables: NotRequired[dict[str, Any] | None]


class RegisteredDevice(TypedDict):
    """Where a device was registered. `userId` and `deviceId` are an extension."""

    deviceId: str
    # The id of the registration.
    resourceId: str
    # The address of the registration.
    resourceLocation: str
    # The User whose device it is.
    userId: str


class RemoveRequest(TypedDict):
    """A device that is to be removed."""

    # The name of an App that exists.
    appName: str
    provider: Provider
    token: str


class ResendRequest(TypedDict):
    """Which failed notifications are sent again (extension)."""

    # Only failures with one of these codes. If absent, those that are not permanent.
    codes: NotRequired[list[str] | None]
    # Only these positions in `to` of the first request, from 0. Each must have failed.
    recipients: NotRequired[list[int] | None]


class RotateRequest(TypedDict):
    """How a key is rotated (extension)."""

    # How long the old key still works, in seconds; 86400 if absent.
    overlap: NotRequired[int | None]


class Schedule(TypedDict):
    """When an Operation is sent."""

    sendAt: list[str]


class ScheduleRequest(TypedDict):
    """When the message is sent. If absent, at once."""

    # One RFC 3339 timestamp. Without a zone it is UTC.
    sendAt: list[str]


_SendRequest = TypedDict("_SendRequest", {"from": "NotRequired[SenderRequest | None]"})


class SendRequest(_SendRequest):
    """A message and its recipients."""

    # Merged over the `headers` and the `payload` that APNs is sent (extension). `null` removes a
    # field; strings may be Liquid templates.
    apn: NotRequired[dict[str, Any] | None]
    # The number on the app's icon, or a Liquid template that gives it; 0 removes it (extension).
    badge: NotRequired[BadgeOrTemplate | None]
    # Where the Operation's events go, in place of the URL of the account's webhook with the same
    # scheme, host and port (extension).
    callbackUrl: NotRequired[str | None]
    # A message replaces an earlier one with the same key on the device (extension). Printable ASCII
    # without a space at either end; may be a Liquid template.
    collapseKey: NotRequired[str | None]
    content: ContentRequest
    # For how long Bellwire goes on trying, in seconds, from `sendAt` or at once; no longer than
    # `ttl` (extension). If absent, as the operator configured it.
    deadline: NotRequired[int | None]
    # Merged over the `message` object that FCM is sent (extension). `null` removes a field; strings
    # may be Liquid templates.
    fcm: NotRequired[dict[str, Any] | None]
    guard: NotRequired[GuardRequest | None]
    pace: NotRequired[PaceRequest | None]
    # `HIGH` if absent.
    priority: NotRequired[Priority | None]
    # Whether each message carries a token, `bw_receipt` in its data, with which the app reports
    # what became of it to `POST /v1/Receipts` (extension).
    receipts: NotRequired[bool | None]
    schedule: NotRequired[ScheduleRequest | None]
    # The name of a sound in the app, or `default`; or a name for each provider (extension). May be
    # a Liquid template.
    sound: NotRequired[Sound | None]
    # Pairs that lists of notifications can be filtered by.
    tags: NotRequired[dict[str, str] | None]
    # `false`: no string is a Liquid template, `{{` stands for itself (extension). `true` if absent.
    templating: NotRequired[bool | None]
    # Devices and Users, or one audience alone.
    to: list[RecipientRequest]
    # How long the provider keeps the message for a device that it can't reach, in seconds
    # (extension).
    ttl: NotRequired[int | None]
    # Checks the request, and FCM's devices with FCM, but sends and stores nothing (extension).
    validateOnly: NotRequired[bool | None]


class Sender(TypedDict):
    """Devices are sent to with one Credential, Users with those of an App."""

    credentialId: NotRequired[str | None]
    appName: NotRequired[str | None]


class SoundOfEach(TypedDict):
    """The names of a sound by provider."""

    apn: NotRequired[str | None]
    fcm: NotRequired[str | None]


class Stats(TypedDict):
    """How many of the Operation's notifications are in each state. At every moment, `total =
    scheduled + queued + sent + failed + canceled + unaddressable`.
    """

    canceled: int
    # Of all, how many have arrived on a device, as its app reports (extension).
    delivered: int
    failed: int
    # Of all, how many were opened, as the app reports (extension).
    opened: int
    queued: int
    recipients: int
    scheduled: int
    sent: int
    total: int
    unaddressable: int


class User(TypedDict):
    createdAt: str
    # Always `null`: a deleted User is gone.
    deletedAt: NotRequired[str | None]
    # The account's own id of the User (extension); `null`: it has none.
    externalId: NotRequired[str | None]
    id: str
    # A language tag, as BCP 47 describes (extension).
    language: NotRequired[str | None]
    # Whether the User gets nothing (extension).
    optedOut: bool
    # The tags of Operations that the User does not get (extension).
    optedOutTags: list[str]
    # The name of a time zone in the IANA database (extension).
    timezone: NotRequired[str | None]
    updatedAt: str
    # The values for templates that a recipient of a send does not give (extension).
    variables: dict[str, Any]


class UserList(TypedDict):
    pagination: Pagination
    users: list[User]


class UserRecipient(TypedDict):
    """A User, who is reached on each device in the sender's App."""

    # In place of the message's badge (extension).
    badge: NotRequired[int | None]
    userId: str
    # The values for the message's templates.
    variables: NotRequired[dict[str, Any] | None]


class UserRequest(TypedDict):
    """What is known of a User beside its devices (extension). A field that is absent stays as it
    is; `null` clears it.
    """

    # The account's own id of the User. No other User of the account may have it.
    externalId: NotRequired[str | None]
    # A language tag, as BCP 47 describes.
    language: NotRequired[str | None]
    # Whether the User gets nothing.
    optedOut: NotRequired[bool | None]
    # The tags of Operations that the User does not get, each a key or `key:value`.
    optedOutTags: NotRequired[list[str] | None]
    # The name of a time zone in the IANA database.
    timezone: NotRequired[str | None]
    # The values for templates that a recipient of a send does not give. They replace those that the
    # User has.
    variables: NotRequired[dict[str, Any] | None]


class Validation(TypedDict):
    """The answer to `validateOnly`."""

    # How many devices FCM was asked about.
    asked: int
    # The problems, in request order.
    errors: list[RecipientError]
    # Whether no problem was found. Whether a device still exists is known for certain only after a
    # send.
    valid: bool


class WaitingFor(TypedDict):
    """What a notification waits for (extension)."""

    # Null: not known.
    nextTry: NotRequired[str | None]
    # For people.
    reason: str
    since: str


class Webhook(TypedDict):
    appName: NotRequired[str | None]
    createdAt: str
    description: NotRequired[str | None]
    # Why it is disabled.
    disabledReason: NotRequired[str | None]
    envelope: Envelope
    events: list[EventType]
    id: str
    status: WebhookStatus
    tags: NotRequired[dict[str, str] | None]
    updatedAt: str
    url: str


class WebhookAttempt(TypedDict):
    # The beginning of the answer's body.
    answer: NotRequired[str | None]
    createdAt: str
    durationMs: int
    # Why it failed; `null`: it did not.
    error: NotRequired[str | None]
    # The receiver's answer; `null`: there was none.
    httpStatus: NotRequired[int | None]
    # 1 for the first attempt.
    number: int


class WebhookChangeRequest(TypedDict):
    """What to change of a webhook. `null` takes away `appName`, `tags` and `description`."""

    appName: NotRequired[str | None]
    description: NotRequired[str | None]
    envelope: NotRequired[Envelope | None]
    events: NotRequired[list[EventType] | None]
    status: NotRequired[WebhookStatusRequest | None]
    tags: NotRequired[dict[str, str] | None]
    url: NotRequired[str | None]


class WebhookDelivery(TypedDict):
    # The last 20, first to last.
    attempts: list[WebhookAttempt]
    createdAt: str
    # The name of an event, or `webhook.test`.
    event: str
    # The header `webhook-id` of its requests.
    id: str
    # When it is tried again at the earliest.
    nextAttemptAt: NotRequired[str | None]
    status: DeliveryStatus
    updatedAt: str
    # Where it is sent: the webhook's URL, or the `callbackUrl` of its Operation.
    url: str
    webhookId: str


class WebhookDeliveryList(TypedDict):
    deliveries: list[WebhookDelivery]
    pagination: Pagination


class WebhookList(TypedDict):
    pagination: Pagination
    webhooks: list[Webhook]


class WebhookRequest(TypedDict):
    """Where to tell what happened, and what."""

    # Only events of this App. If absent, of every App.
    appName: NotRequired[str | None]
    description: NotRequired[str | None]
    # `standard` if absent.
    envelope: NotRequired[Envelope | None]
    events: list[EventType]
    # Only Operations with all of these tags, and their notifications. If absent, all.
    tags: NotRequired[dict[str, str] | None]
    # An https URL with a public address. `http` and private addresses are for installations with
    # `webhooks.allow_private`.
    url: str


class WebhookWithSecret(TypedDict):
    """A webhook with its secret, which is never shown again."""

    appName: NotRequired[str | None]
    createdAt: str
    description: NotRequired[str | None]
    # Why it is disabled.
    disabledReason: NotRequired[str | None]
    envelope: Envelope
    events: list[EventType]
    id: str
    status: WebhookStatus
    tags: NotRequired[dict[str, str] | None]
    updatedAt: str
    url: str
    # `whsec_` and the key of its signatures in base64.
    secret: str
