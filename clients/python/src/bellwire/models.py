"""Made from /openapi.json by `make clients-generated`: do not edit."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

AttemptStatus: TypeAlias = Literal["SENT", "FAILED"]
BadgeOrTemplate: TypeAlias = "int | str"
CapRequest: TypeAlias = Literal["IGNORE"]
Choices: TypeAlias = "str | list[str]"
CredentialStatus: TypeAlias = Literal["UNUSED", "WORKING", "REFUSED", "UNREACHABLE", "UNREADABLE", "EXPIRED"]
CredentialType: TypeAlias = Literal["FCM", "APN", "APN_SANDBOX"]
Day: TypeAlias = Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
DeliveryEvent: TypeAlias = Literal[
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
    "webhook.test",
]
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
IfPassed: TypeAlias = Literal["SEND", "TOMORROW", "SKIP"]
ImportStatus: TypeAlias = Literal["RUNNING", "COMPLETED", "INTERRUPTED", "FAILED"]
KeyStatus: TypeAlias = Literal["ACTIVE", "EXPIRED", "REVOKED"]
MissingVariables: TypeAlias = Literal["FAIL", "EMPTY"]
OperationStatus: TypeAlias = Literal["SCHEDULED", "PROCESSING", "COMPLETED", "CANCELED"]
Priority: TypeAlias = Literal["HIGH", "LOW"]
Provider: TypeAlias = Literal["FCM", "APN"]
PushNotificationStatus: TypeAlias = Literal["SCHEDULED", "QUEUED", "SENT", "FAILED", "CANCELED"]
ReceiptEventRequest: TypeAlias = Literal["DELIVERED", "OPENED", "DISMISSED"]
RecipientRequest: TypeAlias = "DeviceRecipient | UserRecipient | ExternalIdRecipient | AudienceRecipient"
Role: TypeAlias = Literal["FULL", "SEND", "READ"]
SenderRequest: TypeAlias = "CredentialsSender | AppSender"
Sound: TypeAlias = "str | SoundOfEach"
TokenKind: TypeAlias = Literal["ALERT", "VOIP"]
UserDataLine: TypeAlias = "Any | Any | Any | Any"
Via: TypeAlias = Literal["API", "CONSOLE", "CLI"]
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


class Account(TypedDict):
    """The settings of an account."""

    # How many pushes each User gets; `null`: as many as are sent.
    cap: NotRequired[Cap | None]
    id: str


class AccountRequest(TypedDict):
    """The settings of the account (extension)."""

    # `null` removes the cap.
    cap: CapLimits


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
    """Every User of the sender's App, or those with certain devices (extension). An audience must
    be the only recipient.
    """

    audience: AudienceRequest


class AudienceRequest(TypedDict):
    # If present, only devices that match all of these conditions.
    all: NotRequired[list[ConditionRequest] | None]
    # If present, only devices that match at least one of these conditions.
    any: NotRequired[list[ConditionRequest] | None]
    # If the audience has more Users, nothing is sent.
    max: NotRequired[int | None]
    # If present, only devices that match none of these conditions.
    none: NotRequired[list[ConditionRequest] | None]
    # If present, only devices with all of these tags.
    tags: NotRequired[dict[str, str] | None]


class AuditEvent(TypedDict):
    """A change of the account's settings, or of what it sends."""

    # What was done, such as `credential.create`.
    action: str
    # The user name of the API key, or who else it was.
    actor: str
    createdAt: str
    id: str
    # Where the request came from; null: from the command line.
    sourceAddress: NotRequired[str | None]
    # Ids or names of what was changed.
    targets: list[str]
    via: Via


class AuditEventList(TypedDict):
    auditEvents: list[AuditEvent]
    pagination: Pagination


class CancelRequest(TypedDict):
    """Which Operations are canceled (extension): those with all of these tags. At least one tag."""

    tags: dict[str, str]


class CanceledOperations(TypedDict):
    """The Operations that a request has canceled."""

    # Whether there may be more: repeat the request.
    hasMore: bool
    # The oldest first.
    operations: list[str]


class Cap(TypedDict):
    """At most `max` pushes to each User within any time of the length `per`."""

    max: int
    # As it was given: such as `24h`, or a number of seconds.
    per: Any


class CapLimits(TypedDict):
    """At most `max` pushes to each User within any time of the length `per`."""

    max: int
    # A time from `1s` to `30d`, such as `24h`, or a number of seconds.
    per: Any


class CodeTotal(TypedDict):
    # The provider's code, or Bellwire's if the notifications failed without an attempt.
    code: str
    count: int


class ConditionRequest(TypedDict):
    """A condition on a device and its User. It has at least one field, and all of its fields must
    match.
    """

    # The User's language is this one or a regional variant of it: `es` matches `es-MX`. Of several
    # languages, one must match.
    language: NotRequired[Choices | None]
    # The device was registered, or sent a receipt, at this RFC 3339 timestamp or later.
    lastSeenAfter: NotRequired[str | None]
    # The device was last registered, and last sent a receipt, before this RFC 3339 timestamp.
    lastSeenBefore: NotRequired[str | None]
    # `FCM` or `APN`.
    provider: NotRequired[Choices | None]
    # The device has all of these tags.
    tags: NotRequired[dict[str, str] | None]
    # The User's time zone, such as `Europe/Madrid`.
    timezone: NotRequired[Choices | None]


class ContentRequest(TypedDict):
    """What the device shows or passes to the app; at least one field. Each string may be a Liquid
    template.
    """

    body: NotRequired[str | None]
    # Key-value pairs for the app (extension).
    data: NotRequired[dict[str, str] | None]
    # The URL of an image (extension).
    image: NotRequired[str | None]
    # What Users of other languages get instead, by language tag (BCP 47); at most 50 (extension). A
    # User gets the language whose tag is the longest prefix of the User's own.
    localizations: NotRequired[dict[str, LocalizationRequest] | None]
    # What happens if a template outputs a variable that has no value for a recipient (extension).
    # `FAIL` if absent.
    missingVariables: NotRequired[MissingVariables | None]
    # The stored template for the content (extension). It can be combined only with `variables` and
    # `missingVariables`.
    templateId: NotRequired[str | None]
    title: NotRequired[str | None]
    # Values of variables for all recipients that have no value of their own (extension).
    variables: NotRequired[dict[str, Any] | None]


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
    # Tests the Credential with its provider first, and stores it only if the provider accepts it
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


class DeviceImport(TypedDict):
    """An import of a file of devices."""

    # Devices that are new.
    created: int
    createdAt: str
    # Why it ended before the end of the file; `null`: it did not.
    error: NotRequired[str | None]
    # Rows with an error.
    failed: int
    # `NDJSON` or `CSV`.
    format: str
    id: str
    # The line up to which everything is stored or has failed, from 1; 0: nothing was read.
    lastLine: int
    # Rows that were read so far: the sum of the four counts below.
    rows: int
    status: ImportStatus
    # Rows that said nothing new.
    unchanged: int
    # Rows that changed a device or its User.
    updated: int
    updatedAt: str


class DeviceImportList(TypedDict):
    imports: list[DeviceImport]
    pagination: Pagination


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

    # They replace those that the device has; `null` removes them.
    tags: dict[str, str]


class DevicesByProvider(TypedDict):
    """How many of the devices are of which provider."""

    APN: int
    FCM: int


class ErrorTotals(TypedDict):
    """How many notifications failed, by code. The most frequent code comes first."""

    errorTotals: list[CodeTotal]
    # Whether all were counted. If not, the newest Operations were: ask for a shorter time.
    isComplete: bool


class Estimate(TypedDict):
    """How many Users and devices an audience has (extension)."""

    byProvider: DevicesByProvider
    devices: int
    # The relative error of `users` and `devices`: with a probability of 95% they are off by no
    # more. Absent: they are exact.
    error: NotRequired[float | None]
    users: int


class EstimateRequest(TypedDict):
    """An audience to count (extension)."""

    # If absent, the default App.
    appName: NotRequired[str | None]
    audience: AudienceRequest


class ExportedDevice(TypedDict):
    """A device with its User: a line of the stream, with the fields of a registration."""

    appName: str
    deviceId: str
    deviceRegistrationId: str
    environment: NotRequired[str | None]
    externalId: NotRequired[str | None]
    kind: NotRequired[str | None]
    language: NotRequired[str | None]
    optedOut: bool
    optedOutTags: list[str]
    provider: Provider
    registeredAt: str
    tags: NotRequired[Any]
    timezone: NotRequired[str | None]
    # Masked, unless whole tokens were asked for.
    token: str
    userId: str
    variables: NotRequired[Any]


class ExternalIdRecipient(TypedDict):
    """A User, by the account's own id (extension). If no User has this id, the notification is
    unaddressable.
    """

    # In place of the message's badge (extension).
    badge: NotRequired[int | None]
    externalId: str
    # The values for the message's templates.
    variables: NotRequired[dict[str, Any] | None]


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
    # The tag of the localization that `content` is in (extension). Absent: the content is that for
    # all.
    language: NotRequired[str | None]
    sound: NotRequired[Sound | None]


class GuardRequest(TypedDict):
    """When an Operation is paused automatically (extension): once `after` notifications were sent
    or failed, and this percentage of them failed.
    """

    after: int
    failedPercent: int


class ImportError(TypedDict):
    """A problem with a row."""

    # Empty for the row as a whole.
    field: str
    # The line on which the row ends, from 1.
    line: int
    message: str


class ImportErrorList(TypedDict):
    errors: list[ImportError]
    pagination: Pagination


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

    # When the key expires, an RFC 3339 timestamp in the future. If absent, it does not expire.
    expiresAt: NotRequired[str | None]
    # What the key is for.
    name: NotRequired[str | None]
    # Anything else to remember.
    note: NotRequired[str | None]
    # What the key allows: everything, to send and to cancel, or to read. `FULL` if absent.
    role: NotRequired[Role | None]


class LocalizationRequest(TypedDict):
    """The texts of one language; at least one field. A missing field is taken from the content."""

    body: NotRequired[str | None]
    # Key-value pairs for the app, in place of those with the same keys.
    data: NotRequired[dict[str, str] | None]
    # The URL of an image.
    image: NotRequired[str | None]
    title: NotRequired[str | None]


class MergeRequest(TypedDict):
    """The User who gets the devices of another (extension)."""

    # A User of the account.
    into: str


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
    """Changes of an Operation (extension): its time, if it is SCHEDULED, its pace, or both."""

    # `null` takes the pace away: the rest is sent at once.
    pace: NotRequired[PaceRequest | None]
    schedule: NotRequired[ScheduleRequest | None]


class OperationError(TypedDict):
    attempts: int
    # The provider's code, or Bellwire's if the notification failed without an attempt.
    code: str
    createdAt: str
    message: NotRequired[str | None]
    # The recipient's index in `to` of the request, from 0.
    position: NotRequired[int | None]
    # `null`, as `position` and `to` are: the error is that of the Operation, which does not reach
    # all of its audience.
    pushNotificationId: NotRequired[str | None]
    to: NotRequired[Recipient | None]


class OperationErrorList(TypedDict):
    errors: list[OperationError]
    pagination: Pagination


class OperationList(TypedDict):
    operations: list[Operation]
    pagination: Pagination


class OperationResult(TypedDict):
    """The outcome of one recipient: a line of the stream. In CSV, `to` is the columns `provider`,
    `token`, `userId` and `externalId`.
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
    # Whether the User was erased from records (extension). Absent: it was not.
    erased: NotRequired[bool | None]
    # The account's own id of the User (extension). Absent: it has none.
    externalId: NotRequired[str | None]
    # Absent: no User had the external id when the send was accepted.
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
    # The account's own id of the User (extension). Without `userId`, it identifies the User. If no
    # User has it, the User who has the token gets it; if that User has another external id, a new
    # User is created.
    externalId: NotRequired[str | None]
    # What an APNs token is for (extension): `VOIP` tokens get only pushes of the type `voip`,
    # `ALERT` tokens all others.
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
    # Only these positions in `to` of the original request, from 0. Each must have failed.
    recipients: NotRequired[list[int] | None]


class RotateRequest(TypedDict):
    """How a key is rotated (extension)."""

    # How long the old key still works, in seconds; 86400 if absent.
    overlap: NotRequired[int | None]


class Schedule(TypedDict):
    """When an Operation is sent."""

    # What becomes of a local time that had passed (extension).
    ifPassed: NotRequired[IfPassed | None]
    # A local time has no zone. Absent: at once.
    sendAt: NotRequired[list[str] | None]
    # By the recipients' clocks (extension).
    window: NotRequired[ShownWindow | None]


class ScheduleRequest(TypedDict):
    """When the message is sent: `sendAt`, a `window`, or both. If absent, at once."""

    # What happens if the local time has already passed for a recipient (extension). `SEND` if
    # absent.
    ifPassed: NotRequired[IfPassed | None]
    # Whether the window is ignored (extension).
    ignoreWindow: NotRequired[bool | None]
    # One RFC 3339 timestamp. Without a zone it is the local time of each recipient, and UTC for
    # those without a time zone.
    sendAt: NotRequired[list[str] | None]
    window: NotRequired[WindowRequest | None]


_SendRequest = TypedDict("_SendRequest", {"from": "NotRequired[SenderRequest | None]"})


class SendRequest(_SendRequest):
    """A message and its recipients."""

    # Merged into the `headers` and the `payload` for APNs (extension). `null` removes a field;
    # strings may be Liquid templates.
    apn: NotRequired[dict[str, Any] | None]
    # The number on the app's icon, or a Liquid template for it; 0 removes it (extension).
    badge: NotRequired[BadgeOrTemplate | None]
    # Where the Operation's events go, in place of the URL of the account's webhook with the same
    # scheme, host and port (extension).
    callbackUrl: NotRequired[str | None]
    # `IGNORE` exempts the send from the account's cap, and does not count towards it (extension).
    # Use it for one-time codes, for example.
    cap: NotRequired[CapRequest | None]
    # A message replaces an earlier one with the same key on the device (extension). Printable ASCII
    # without a space at either end; may be a Liquid template.
    collapseKey: NotRequired[str | None]
    content: ContentRequest
    # How long Bellwire tries to deliver, in seconds, from `sendAt` or, without it, from acceptance;
    # no longer than `ttl` (extension). If absent, the operator's configuration applies.
    deadline: NotRequired[int | None]
    # Merged into FCM's `message` object (extension). `null` removes a field; strings may be Liquid
    # templates.
    fcm: NotRequired[dict[str, Any] | None]
    guard: NotRequired[GuardRequest | None]
    # The same as `ignoreWindow` of `schedule` (extension).
    ignoreWindow: NotRequired[bool | None]
    pace: NotRequired[PaceRequest | None]
    # `HIGH` if absent.
    priority: NotRequired[Priority | None]
    # Whether each message carries a token, `bw_receipt` in its data, with which the app reports
    # delivery and opening to `POST /v1/Receipts` (extension).
    receipts: NotRequired[bool | None]
    schedule: NotRequired[ScheduleRequest | None]
    # The name of a sound in the app, or `default`; or a name for each provider (extension). May be
    # a Liquid template.
    sound: NotRequired[Sound | None]
    # Key-value pairs by which lists of notifications can be filtered.
    tags: NotRequired[dict[str, str] | None]
    # If `false`, no string is a Liquid template, even if it contains `{{` (extension). `true` if
    # absent.
    templating: NotRequired[bool | None]
    # Devices and Users, or one audience alone.
    to: list[RecipientRequest]
    # How long the provider keeps the message for an unreachable device, in seconds (extension).
    ttl: NotRequired[int | None]
    # Checks the request, and asks FCM about FCM devices, but sends and stores nothing (extension).
    validateOnly: NotRequired[bool | None]


class Sender(TypedDict):
    """Devices are sent to with one Credential, Users with those of an App."""

    credentialId: NotRequired[str | None]
    appName: NotRequired[str | None]


_ShownWindow = TypedDict("_ShownWindow", {"from": "str"})


class ShownWindow(_ShownWindow):
    """When recipients may get messages, by their clocks."""

    days: NotRequired[list[Day] | None]
    until: str


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


class Template(TypedDict):
    # As in a send.
    content: dict[str, Any]
    # What variables are that neither a recipient, nor a send, nor a User has.
    defaults: dict[str, Any]
    # By language tag, as in a send.
    localizations: dict[str, Any]
    createdAt: str
    id: str
    name: str
    updatedAt: str
    # From 1; each change of the content makes a new one.
    version: int


class TemplateChangeRequest(TypedDict):
    """Changes of a template. `null` removes `localizations` or `defaults`."""

    content: NotRequired[TemplateContentRequest | None]
    defaults: NotRequired[dict[str, Any] | None]
    localizations: NotRequired[dict[str, LocalizationRequest] | None]
    name: NotRequired[str | None]


class TemplateContentRequest(TypedDict):
    """What the device shows or passes to the app; at least one of the first four fields. Each
    string may be a Liquid template.
    """

    body: NotRequired[str | None]
    # Key-value pairs for the app.
    data: NotRequired[dict[str, str] | None]
    # The URL of an image.
    image: NotRequired[str | None]
    # `FAIL` if absent.
    missingVariables: NotRequired[MissingVariables | None]
    title: NotRequired[str | None]


class TemplateList(TypedDict):
    pagination: Pagination
    templates: list[Template]


class TemplateRequest(TypedDict):
    """Content to be stored under a name."""

    content: TemplateContentRequest
    # Values of variables for which neither the recipient, nor the send, nor the User has a value.
    defaults: NotRequired[dict[str, Any] | None]
    # What Users of other languages get, by language tag (BCP 47); at most 50.
    localizations: NotRequired[dict[str, LocalizationRequest] | None]
    # No other template of the account has it.
    name: str


class TemplateVersion(TypedDict):
    """A version of a template."""

    # As in a send.
    content: dict[str, Any]
    # What variables are that neither a recipient, nor a send, nor a User has.
    defaults: dict[str, Any]
    # By language tag, as in a send.
    localizations: dict[str, Any]
    createdAt: str
    version: int


class TemplateVersionList(TypedDict):
    pagination: Pagination
    versions: list[TemplateVersion]


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
    """A User. The message goes to each of the User's devices in the sender's App."""

    # In place of the message's badge (extension).
    badge: NotRequired[int | None]
    userId: str
    # The values for the message's templates.
    variables: NotRequired[dict[str, Any] | None]


class UserRequest(TypedDict):
    """The profile of a User (extension). A field that is absent stays as it is; `null` clears it."""

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

    # Null: not known, or its time has come.
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
    """Changes of a webhook. `null` removes `appName`, `tags` or `description`."""

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
    event: DeliveryEvent
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
    """A webhook: where to send events, and which."""

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


_WindowRequest = TypedDict("_WindowRequest", {"from": "str"})


class WindowRequest(_WindowRequest):
    """When recipients may get the message, in their local time (extension). Outside the window,
    the message waits until it opens. A window that ends at or before its beginning ends on the
    next day.
    """

    # On which days the window opens. If absent, on all.
    days: NotRequired[list[Day] | None]
    # A time of day, up to `24:00`.
    until: str
