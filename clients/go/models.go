// Code generated from /openapi.json by `make clients-generated`. DO NOT EDIT.

package bellwire

import "time"

// An Operation was accepted, or what is left of it was canceled.
type AcceptedOperation struct {
	OperationID string `json:"operationId"`
	// The address of the Operation, which shows its progress.
	OperationLocation string `json:"operationLocation"`
}

// A resource was created or changed.
type AcceptedResource struct {
	// The id of the resource; the name of an App.
	ResourceID string `json:"resourceId"`
	// The address of the resource.
	ResourceLocation string `json:"resourceLocation"`
}

type App struct {
	CreatedAt          time.Time           `json:"createdAt"`
	DefaultCredentials []DefaultCredential `json:"defaultCredentials"`
	IsDefault          bool                `json:"isDefault"`
	Name               string              `json:"name"`
	UpdatedAt          time.Time           `json:"updatedAt"`
}

type AppList struct {
	Apps       []App      `json:"apps"`
	Pagination Pagination `json:"pagination"`
}

// The default Credentials of an App (extension).
type AppSender struct {
	AppName string `json:"appName"`
}

// The provider's error.
type AttemptError struct {
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

// AttemptStatus is one of the constants below.
type AttemptStatus string

const (
	AttemptStatusSent   AttemptStatus = "SENT"
	AttemptStatusFailed AttemptStatus = "FAILED"
)

// Every User of the sender's App, or those with tagged devices (extension). An audience must be the only
// recipient.
type AudienceRecipient struct {
	Audience AudienceRequest `json:"audience"`
}

type AudienceRequest struct {
	// If present, only devices with all of these tags.
	Tags map[string]string `json:"tags,omitempty"`
}

// BadgeOrTemplate is a int64 or string.
type BadgeOrTemplate = any

// Which Operations are canceled (extension): those with all of these tags, at least one.
type CancelRequest struct {
	Tags map[string]string `json:"tags"`
}

// The Operations that a request has canceled.
type CanceledOperations struct {
	// Whether there may be more: repeat the request.
	HasMore bool `json:"hasMore"`
	// The oldest first.
	Operations []string `json:"operations"`
}

type CodeTotal struct {
	// The provider's code, or Bellwire's if the notifications failed without an attempt.
	Code  string `json:"code"`
	Count int64  `json:"count"`
}

// What is shown or handed to the app; at least one field. Each string may be a Liquid template.
type ContentRequest struct {
	Body string `json:"body,omitempty"`
	// Pairs that are handed to the app (extension).
	Data map[string]string `json:"data,omitempty"`
	// The URL of an image (extension).
	Image string `json:"image,omitempty"`
	Title string `json:"title,omitempty"`
}

// A new key. The secret is not stored, and not shown again.
type CreatedKey struct {
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
	Key       string     `json:"key"`
	Secret    string     `json:"secret"`
}

type Credential struct {
	AppName string `json:"appName"`
	// When its certificate ends; null: it has none (extension).
	CertificateExpiresAt *time.Time     `json:"certificateExpiresAt,omitempty"`
	CreatedAt            time.Time      `json:"createdAt"`
	CredentialType       CredentialType `json:"credentialType"`
	// Public facts of its content (extension).
	Details   CredentialDetails `json:"details"`
	ID        string            `json:"id"`
	IsDefault bool              `json:"isDefault"`
	// What its provider said when it was used last without success (extension).
	LastError string `json:"lastError,omitempty"`
	// When that was (extension).
	LastErrorAt *time.Time `json:"lastErrorAt,omitempty"`
	// When it was used last, give or take a minute (extension).
	LastUsedAt *time.Time `json:"lastUsedAt,omitempty"`
	// How it does (extension).
	Status CredentialStatus `json:"status"`
	// When its content or `isDefault` changed.
	UpdatedAt time.Time `json:"updatedAt"`
}

// Public facts of a Credential's content. Fields that do not apply are null.
type CredentialDetails struct {
	// APNs: the app.
	BundleID string `json:"bundleId,omitempty"`
	// APNs, with a certificate: its name.
	CertificateName string `json:"certificateName,omitempty"`
	// FCM: the service account.
	ClientEmail string `json:"clientEmail,omitempty"`
	// APNs, with a signing key: the id of the key.
	KeyID string `json:"keyId,omitempty"`
	// FCM: the id of the service account's key.
	PrivateKeyID string `json:"privateKeyId,omitempty"`
	// FCM: the Firebase project.
	ProjectID string `json:"projectId,omitempty"`
	// APNs, with a signing key: the team.
	TeamID string `json:"teamId,omitempty"`
}

type CredentialList struct {
	Credentials []Credential `json:"credentials"`
	Pagination  Pagination   `json:"pagination"`
}

type CredentialRequest struct {
	// The App of the Credential. It is created with its first Credential.
	AppName string `json:"appName"`
	// FCM: Google's service account file, or `projectId`, `clientEmail` and `privateKey`. APNs: `privateKey`,
	// `teamId`, `keyId` and `bundleId`; or `certificate`, `privateKey` and, if the certificate has none, `bundleId`.
	Content        map[string]any `json:"content"`
	CredentialType CredentialType `json:"credentialType"`
	IsDefault      *bool          `json:"isDefault,omitempty"`
	// Tries the Credential with its provider first, and stores it only if the provider takes it (extension).
	Verify *bool `json:"verify,omitempty"`
}

// How a Credential does.
type CredentialStatus string

const (
	CredentialStatusUnused      CredentialStatus = "UNUSED"
	CredentialStatusWorking     CredentialStatus = "WORKING"
	CredentialStatusRefused     CredentialStatus = "REFUSED"
	CredentialStatusUnreachable CredentialStatus = "UNREACHABLE"
	CredentialStatusUnreadable  CredentialStatus = "UNREADABLE"
	CredentialStatusExpired     CredentialStatus = "EXPIRED"
)

// The result of a test.
type CredentialTest struct {
	// What the provider says; null: it takes the Credential.
	Error    string           `json:"error,omitempty"`
	Status   CredentialStatus `json:"status"`
	TestedAt time.Time        `json:"testedAt"`
}

// A type of Credential. The names are those of the API and of the database enum.
type CredentialType string

const (
	CredentialTypeFcm        CredentialType = "FCM"
	CredentialTypeApn        CredentialType = "APN"
	CredentialTypeApnSandbox CredentialType = "APN_SANDBOX"
)

// A Credential for each provider, at least one.
type CredentialsSender struct {
	Apn string `json:"apn,omitempty"`
	Fcm string `json:"fcm,omitempty"`
}

type DefaultCredential struct {
	CredentialType CredentialType `json:"credentialType"`
	ID             string         `json:"id"`
}

// Makes a resource the default.
type DefaultRequest struct {
	// Must be `true`. To replace a default, make another resource the default.
	IsDefault bool `json:"isDefault"`
}

type DeliveryAttempt struct {
	CreatedAt    time.Time     `json:"createdAt"`
	CredentialID string        `json:"credentialId"`
	DurationMs   int64         `json:"durationMs"`
	Error        *AttemptError `json:"error,omitempty"`
	HTTPStatus   *int64        `json:"httpStatus,omitempty"`
	// 1 for the first attempt.
	Number      int64  `json:"number"`
	OperationID string `json:"operationId"`
	// How Bellwire classified the provider's answer: `ACCEPTED`, `TOKEN_DEAD` and others.
	Outcome            string        `json:"outcome"`
	Provider           Provider      `json:"provider"`
	ProviderMessageID  string        `json:"providerMessageId,omitempty"`
	PushNotificationID string        `json:"pushNotificationId"`
	Status             AttemptStatus `json:"status"`
	// Masked: only its ends are shown.
	Token     string    `json:"token"`
	UpdatedAt time.Time `json:"updatedAt"`
}

type DeliveryAttemptList struct {
	DeliveryAttempts []DeliveryAttempt `json:"deliveryAttempts"`
	Pagination       Pagination        `json:"pagination"`
}

// DeliveryStatus is one of the constants below.
type DeliveryStatus string

const (
	DeliveryStatusPending   DeliveryStatus = "PENDING"
	DeliveryStatusDelivered DeliveryStatus = "DELIVERED"
	DeliveryStatusFailed    DeliveryStatus = "FAILED"
)

type Device struct {
	DeviceID string `json:"deviceId"`
	// Of an APNs device that was registered with it.
	Environment Environment `json:"environment,omitempty"`
	// Of an APNs device that was registered with it.
	Kind     TokenKind         `json:"kind,omitempty"`
	Provider Provider          `json:"provider"`
	Tags     map[string]string `json:"tags,omitempty"`
	// Masked: only its ends are shown, because it is a secret.
	Token string `json:"token"`
}

type DeviceRecipient struct {
	// In place of the message's badge (extension).
	Badge *int64 `json:"badge,omitempty"`
	// Of an APNs token (extension). It chooses between an `APN` and an `APN_SANDBOX` Credential.
	Environment Environment `json:"environment,omitempty"`
	Provider    Provider    `json:"provider"`
	Token       string      `json:"token"`
	// The values for the message's templates.
	Variables map[string]any `json:"variables,omitempty"`
}

type DeviceRegistration struct {
	AppName   string    `json:"appName"`
	CreatedAt time.Time `json:"createdAt"`
	Devices   []Device  `json:"devices"`
	// The account's own id of the User (extension). Absent: it has none.
	ExternalID string `json:"externalId,omitempty"`
	ID         string `json:"id"`
	// Always empty; Twilio's API has it.
	Related   []any     `json:"related"`
	UpdatedAt time.Time `json:"updatedAt"`
	UserID    string    `json:"userId"`
}

type DeviceRegistrationList struct {
	DeviceRegistrations []DeviceRegistration `json:"deviceRegistrations"`
	Pagination          Pagination           `json:"pagination"`
}

// The tags of a device.
type DeviceTagsRequest struct {
	// They replace those that the device has.
	Tags map[string]string `json:"tags"`
}

// The form of the body that a webhook gets.
type Envelope string

const (
	EnvelopeStandard    Envelope = "standard"
	EnvelopeCloudevents Envelope = "cloudevents"
)

// The environment that an APNs token belongs to.
type Environment string

const (
	EnvironmentSandbox    Environment = "SANDBOX"
	EnvironmentProduction Environment = "PRODUCTION"
)

// How many notifications failed, by code. The most frequent code comes first.
type ErrorTotals struct {
	ErrorTotals []CodeTotal `json:"errorTotals"`
	// Whether all were counted. If not, the newest Operations were: ask for a shorter time.
	IsComplete bool `json:"isComplete"`
}

// What a webhook can be told.
type EventType string

const (
	EventTypeOperationProcessing   EventType = "operation.processing"
	EventTypeOperationCompleted    EventType = "operation.completed"
	EventTypeOperationCanceled     EventType = "operation.canceled"
	EventTypeOperationPaused       EventType = "operation.paused"
	EventTypeNotificationFailed    EventType = "notification.failed"
	EventTypeNotificationCanceled  EventType = "notification.canceled"
	EventTypeNotificationSent      EventType = "notification.sent"
	EventTypeNotificationDelivered EventType = "notification.delivered"
	EventTypeNotificationOpened    EventType = "notification.opened"
	EventTypeDeviceRemoved         EventType = "device.removed"
	EventTypeCredentialRefused     EventType = "credential.refused"
	EventTypeCredentialRecovered   EventType = "credential.recovered"
)

// A notification with its content, as the recipient gets it.
type FullPushNotification struct {
	CreatedAt time.Time `json:"createdAt"`
	// Only of a FAILED one (extension).
	Error       *NotificationError `json:"error,omitempty"`
	From        Sender             `json:"from"`
	ID          string             `json:"id"`
	OperationID string             `json:"operationId"`
	Priority    Priority           `json:"priority"`
	// Present if it was scheduled (extension).
	Schedule *Schedule              `json:"schedule,omitempty"`
	Status   PushNotificationStatus `json:"status"`
	// Of its Operation, as the next three (extension).
	Tags map[string]string `json:"tags,omitempty"`
	To   Recipient         `json:"to"`
	// In seconds (extension in lists).
	TTL       *int64    `json:"ttl,omitempty"`
	UpdatedAt time.Time `json:"updatedAt"`
	// Only of a QUEUED one that is not about to be sent (extension).
	WaitingFor  *WaitingFor    `json:"waitingFor,omitempty"`
	DeliveredAt *time.Time     `json:"deliveredAt,omitempty"`
	DismissedAt *time.Time     `json:"dismissedAt,omitempty"`
	OpenedAt    *time.Time     `json:"openedAt,omitempty"`
	Content     map[string]any `json:"content"`
	Sound       Sound          `json:"sound,omitempty"`
}

// When an Operation pauses by itself (extension): once `after` notifications were sent or failed, and this share
// of them failed.
type GuardRequest struct {
	After         int64 `json:"after"`
	FailedPercent int64 `json:"failedPercent"`
}

// An API key, without its secret.
type Key struct {
	CreatedAt time.Time `json:"createdAt"`
	// From then on it is refused; null: it has no end.
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
	// The user name of HTTP Basic.
	Key string `json:"key"`
	// Give or take a minute; null: it was never used.
	LastUsedAt *time.Time `json:"lastUsedAt,omitempty"`
	Name       string     `json:"name,omitempty"`
	Note       string     `json:"note,omitempty"`
	RevokedAt  *time.Time `json:"revokedAt,omitempty"`
	Role       Role       `json:"role"`
	Status     KeyStatus  `json:"status"`
}

type KeyList struct {
	Keys       []Key      `json:"keys"`
	Pagination Pagination `json:"pagination"`
}

// A new API key (extension).
type KeyRequest struct {
	// An RFC 3339 timestamp in the future, from which on the key is refused. If absent, it has no end.
	ExpiresAt string `json:"expiresAt,omitempty"`
	// What it is for.
	Name string `json:"name,omitempty"`
	// Anything else to remember.
	Note string `json:"note,omitempty"`
	// What the key allows: everything, to send and to cancel, or to read. `FULL` if absent.
	Role Role `json:"role,omitempty"`
}

// KeyStatus is one of the constants below.
type KeyStatus string

const (
	KeyStatusActive  KeyStatus = "ACTIVE"
	KeyStatusExpired KeyStatus = "EXPIRED"
	KeyStatusRevoked KeyStatus = "REVOKED"
)

// Why a notification failed (extension), as in the Operation's Errors, or why Bellwire withheld it.
type NotificationError struct {
	// The provider's code, or Bellwire's.
	Code    string `json:"code"`
	Message string `json:"message,omitempty"`
}

type Operation struct {
	CreatedAt time.Time `json:"createdAt"`
	// As in the request; absent: the default App of that moment (extension).
	From map[string]any `json:"from,omitempty"`
	ID   string         `json:"id"`
	// How fast it is sent, if not as fast as it goes (extension).
	Pace *Pace `json:"pace,omitempty"`
	// Whether nothing of it is sent until it is resumed (extension).
	Paused bool `json:"paused"`
	// `REQUESTED`, or `GUARD` if it paused by itself (extension).
	PausedReason string `json:"pausedReason,omitempty"`
	// (extension)
	Priority Priority `json:"priority"`
	// The Operation whose failed notifications this one sends again (extension).
	ResendOf string `json:"resendOf,omitempty"`
	// Present if the Operation was scheduled (extension).
	Schedule *Schedule       `json:"schedule,omitempty"`
	Stats    Stats           `json:"stats"`
	Status   OperationStatus `json:"status"`
	// As in the request (extension).
	Tags map[string]string `json:"tags,omitempty"`
	// In seconds (extension).
	TTL       *int64    `json:"ttl,omitempty"`
	UpdatedAt time.Time `json:"updatedAt"`
	// What its first unsettled notification waits for, if that is not about to be sent. A list looks at a bounded
	// number of notifications to say so (extension).
	WaitingFor *WaitingFor `json:"waitingFor,omitempty"`
}

// What to change of an Operation (extension): its time, if it is SCHEDULED, its pace, or both.
type OperationChangeRequest struct {
	Pace     *PaceRequest     `json:"pace,omitempty"`
	Schedule *ScheduleRequest `json:"schedule,omitempty"`
}

type OperationError struct {
	Attempts int64 `json:"attempts"`
	// The provider's code, or Bellwire's if the notification failed without an attempt.
	Code      string    `json:"code"`
	CreatedAt time.Time `json:"createdAt"`
	Message   string    `json:"message,omitempty"`
	// The recipient's index in `to` of the request, from 0.
	Position           int64     `json:"position"`
	PushNotificationID string    `json:"pushNotificationId"`
	To                 Recipient `json:"to"`
}

type OperationErrorList struct {
	Errors     []OperationError `json:"errors"`
	Pagination Pagination       `json:"pagination"`
}

type OperationList struct {
	Operations []Operation `json:"operations"`
	Pagination Pagination  `json:"pagination"`
}

// The outcome of one recipient: a line of the stream. In CSV, `to` is the columns `provider`, `token` and
// `userId`.
type OperationResult struct {
	Attempts int64 `json:"attempts"`
	// The last error: the provider's code, or Bellwire's. `null` if there was none.
	Code string `json:"code,omitempty"`
	// When the app first reported each event; `null`: it has not.
	DeliveredAt *time.Time `json:"deliveredAt,omitempty"`
	DismissedAt *time.Time `json:"dismissedAt,omitempty"`
	ID          string     `json:"id"`
	Message     string     `json:"message,omitempty"`
	OpenedAt    *time.Time `json:"openedAt,omitempty"`
	// The recipient's index in `to` of the request, from 0.
	Position  int64                  `json:"position"`
	Status    PushNotificationStatus `json:"status"`
	To        Recipient              `json:"to"`
	UpdatedAt time.Time              `json:"updatedAt"`
}

// The status of an Operation, which follows from its counts and its schedule.
type OperationStatus string

const (
	OperationStatusScheduled  OperationStatus = "SCHEDULED"
	OperationStatusProcessing OperationStatus = "PROCESSING"
	OperationStatusCompleted  OperationStatus = "COMPLETED"
	OperationStatusCanceled   OperationStatus = "CANCELED"
)

// How fast an Operation is sent.
type Pace struct {
	// Notifications in a minute.
	PerMinute int64 `json:"perMinute"`
}

// How many notifications of an Operation are sent in a minute (extension).
type PaceRequest struct {
	PerMinute int64 `json:"perMinute"`
}

// `pagination` of a list.
type Pagination struct {
	// The token of the next page; `null` on the last page, and there alone. A page may be short or empty although
	// others follow: a request looks at a bounded number of records.
	Next string `json:"next,omitempty"`
	// The token of this page.
	Self string `json:"self"`
}

type Preview struct {
	// Why the recipient, or one of its devices, would get nothing.
	Errors []RecipientError `json:"errors,omitempty"`
	// The recipient's index in `to`.
	Position int64 `json:"position"`
	// One for each device.
	Requests []ProviderRequest `json:"requests"`
}

type PreviewList struct {
	// One for each recipient, in request order.
	Previews []Preview `json:"previews"`
}

// How urgent a message is.
type Priority string

const (
	PriorityHigh Priority = "HIGH"
	PriorityLow  Priority = "LOW"
)

// A push provider. The names are those of the API and of the database enum.
type Provider string

const (
	ProviderFcm Provider = "FCM"
	ProviderApn Provider = "APN"
)

type ProviderRequest struct {
	// The body; a token in it shows only its ends.
	Body any `json:"body"`
	// The headers.
	Headers map[string]string `json:"headers"`
	// The method.
	Method string `json:"method"`
	// The address; a token in it shows only its ends.
	URL          string   `json:"url"`
	CredentialID string   `json:"credentialId"`
	Provider     Provider `json:"provider"`
}

// A notification without its content, as lists hold it.
type PushNotification struct {
	CreatedAt time.Time `json:"createdAt"`
	// Only of a FAILED one (extension).
	Error       *NotificationError `json:"error,omitempty"`
	From        Sender             `json:"from"`
	ID          string             `json:"id"`
	OperationID string             `json:"operationId"`
	Priority    Priority           `json:"priority"`
	// Present if it was scheduled (extension).
	Schedule *Schedule              `json:"schedule,omitempty"`
	Status   PushNotificationStatus `json:"status"`
	// Of its Operation, as the next three (extension).
	Tags map[string]string `json:"tags,omitempty"`
	To   Recipient         `json:"to"`
	// In seconds (extension in lists).
	TTL       *int64    `json:"ttl,omitempty"`
	UpdatedAt time.Time `json:"updatedAt"`
	// Only of a QUEUED one that is not about to be sent (extension).
	WaitingFor *WaitingFor `json:"waitingFor,omitempty"`
}

type PushNotificationList struct {
	Pagination        Pagination         `json:"pagination"`
	PushNotifications []PushNotification `json:"pushNotifications"`
}

// The status of a notification.
type PushNotificationStatus string

const (
	PushNotificationStatusScheduled PushNotificationStatus = "SCHEDULED"
	PushNotificationStatusQueued    PushNotificationStatus = "QUEUED"
	PushNotificationStatusSent      PushNotificationStatus = "SENT"
	PushNotificationStatusFailed    PushNotificationStatus = "FAILED"
	PushNotificationStatusCanceled  PushNotificationStatus = "CANCELED"
)

// ReceiptEventRequest is one of the constants below.
type ReceiptEventRequest string

const (
	ReceiptEventRequestDelivered ReceiptEventRequest = "DELIVERED"
	ReceiptEventRequestOpened    ReceiptEventRequest = "OPENED"
	ReceiptEventRequestDismissed ReceiptEventRequest = "DISMISSED"
)

type ReceiptRequest struct {
	// When it happened, an RFC 3339 timestamp. If absent, now.
	At    string              `json:"at,omitempty"`
	Event ReceiptEventRequest `json:"event"`
	// `bw_receipt` of the message's data. Any other string is ignored.
	Receipt string `json:"receipt"`
}

// What an app reports of messages (extension).
type ReceiptsRequest struct {
	Receipts []ReceiptRequest `json:"receipts"`
}

// The recipient of a notification.
type Recipient struct {
	Provider Provider `json:"provider,omitempty"`
	// Masked: only its ends are shown, because it is a secret.
	Token  string `json:"token,omitempty"`
	UserID string `json:"userId,omitempty"`
}

// Why a recipient, or one of its devices, would get nothing.
type RecipientError struct {
	// The provider's code, or one of Bellwire's.
	Code    string `json:"code"`
	Message string `json:"message"`
	// The recipient's index in `to`; absent: an audience.
	Position *int64 `json:"position,omitempty"`
}

// A device, a User or an audience.
type RecipientRequest struct {
	// In place of the message's badge (extension).
	Badge *int64 `json:"badge,omitempty"`
	// Of an APNs token (extension). It chooses between an `APN` and an `APN_SANDBOX` Credential.
	Environment Environment `json:"environment,omitempty"`
	Provider    Provider    `json:"provider,omitempty"`
	Token       string      `json:"token,omitempty"`
	// The values for the message's templates.
	Variables map[string]any   `json:"variables,omitempty"`
	UserID    string           `json:"userId,omitempty"`
	Audience  *AudienceRequest `json:"audience,omitempty"`
}

type RegisterRequest struct {
	// The name of an App that exists.
	AppName string `json:"appName"`
	// Of an APNs token (extension). It chooses between an `APN` and an `APN_SANDBOX` Credential.
	Environment Environment `json:"environment,omitempty"`
	// The account's own id of the User (extension). Without `userId` it names the User, who is created if no User
	// has it. A User without one who has the token gets it.
	ExternalID string `json:"externalId,omitempty"`
	// What an APNs token is for (extension): `VOIP` tokens get pushes of the type `voip` and no others.
	Kind TokenKind `json:"kind,omitempty"`
	// The User's language, a tag as BCP 47 describes (extension).
	Language string `json:"language,omitempty"`
	// Whether the User gets nothing (extension).
	OptedOut *bool `json:"optedOut,omitempty"`
	// The tags of Operations that the User does not get, each a key or `key:value` (extension).
	OptedOutTags []string `json:"optedOutTags,omitempty"`
	Provider     Provider `json:"provider"`
	// An older token of the same device, which this one replaces (extension). The device keeps its id, its tags and
	// its User.
	Replaces string `json:"replaces,omitempty"`
	// Tags by which an audience selects devices (extension). If absent, those that the device has.
	Tags map[string]string `json:"tags,omitempty"`
	// The User's time zone, a name of the IANA database (extension).
	Timezone string `json:"timezone,omitempty"`
	Token    string `json:"token"`
	// If absent, the device stays with the User who has the token (extension), or is registered for a new User.
	UserID string `json:"userId,omitempty"`
	// The values for templates that a recipient of a send does not give (extension). They replace those that the
	// User has.
	Variables map[string]any `json:"variables,omitempty"`
}

// Where a device was registered. `userId` and `deviceId` are an extension.
type RegisteredDevice struct {
	DeviceID string `json:"deviceId"`
	// The id of the registration.
	ResourceID string `json:"resourceId"`
	// The address of the registration.
	ResourceLocation string `json:"resourceLocation"`
	// The User whose device it is.
	UserID string `json:"userId"`
}

// A device that is to be removed.
type RemoveRequest struct {
	// The name of an App that exists.
	AppName  string   `json:"appName"`
	Provider Provider `json:"provider"`
	Token    string   `json:"token"`
}

// Which failed notifications are sent again (extension).
type ResendRequest struct {
	// Only failures with one of these codes. If absent, those that are not permanent.
	Codes []string `json:"codes,omitempty"`
	// Only these positions in `to` of the first request, from 0. Each must have failed.
	Recipients []int64 `json:"recipients,omitempty"`
}

// Role is one of the constants below.
type Role string

const (
	RoleFull Role = "FULL"
	RoleSend Role = "SEND"
	RoleRead Role = "READ"
)

// How a key is rotated (extension).
type RotateRequest struct {
	// How long the old key still works, in seconds; 86400 if absent.
	Overlap *int64 `json:"overlap,omitempty"`
}

// When an Operation is sent.
type Schedule struct {
	SendAt []time.Time `json:"sendAt"`
}

// When the message is sent. If absent, at once.
type ScheduleRequest struct {
	// One RFC 3339 timestamp. Without a zone it is UTC.
	SendAt []string `json:"sendAt"`
}

// A message and its recipients.
type SendRequest struct {
	// Merged over the `headers` and the `payload` that APNs is sent (extension). `null` removes a field; strings may
	// be Liquid templates.
	Apn map[string]any `json:"apn,omitempty"`
	// The number on the app's icon, or a Liquid template that gives it; 0 removes it (extension).
	Badge BadgeOrTemplate `json:"badge,omitempty"`
	// Where the Operation's events go, in place of the URL of the account's webhook with the same scheme, host and
	// port (extension).
	CallbackURL string `json:"callbackUrl,omitempty"`
	// A message replaces an earlier one with the same key on the device (extension). Printable ASCII without a space
	// at either end; may be a Liquid template.
	CollapseKey string         `json:"collapseKey,omitempty"`
	Content     ContentRequest `json:"content"`
	// For how long Bellwire goes on trying, in seconds, from `sendAt` or at once; no longer than `ttl` (extension).
	// If absent, as the operator configured it.
	Deadline *int64 `json:"deadline,omitempty"`
	// Merged over the `message` object that FCM is sent (extension). `null` removes a field; strings may be Liquid
	// templates.
	Fcm map[string]any `json:"fcm,omitempty"`
	// If absent, the default Credentials of the default App.
	From  *SenderRequest `json:"from,omitempty"`
	Guard *GuardRequest  `json:"guard,omitempty"`
	Pace  *PaceRequest   `json:"pace,omitempty"`
	// `HIGH` if absent.
	Priority Priority `json:"priority,omitempty"`
	// Whether each message carries a token, `bw_receipt` in its data, with which the app reports what became of it
	// to `POST /v1/Receipts` (extension).
	Receipts *bool            `json:"receipts,omitempty"`
	Schedule *ScheduleRequest `json:"schedule,omitempty"`
	// The name of a sound in the app, or `default`; or a name for each provider (extension). May be a Liquid
	// template.
	Sound Sound `json:"sound,omitempty"`
	// Pairs that lists of notifications can be filtered by.
	Tags map[string]string `json:"tags,omitempty"`
	// `false`: no string is a Liquid template, `{{` stands for itself (extension). `true` if absent.
	Templating *bool `json:"templating,omitempty"`
	// Devices and Users, or one audience alone.
	To []RecipientRequest `json:"to"`
	// How long the provider keeps the message for a device that it can't reach, in seconds (extension).
	TTL *int64 `json:"ttl,omitempty"`
	// Checks the request, and FCM's devices with FCM, but sends and stores nothing (extension).
	ValidateOnly *bool `json:"validateOnly,omitempty"`
}

// Devices are sent to with one Credential, Users with those of an App.
type Sender struct {
	CredentialID string `json:"credentialId,omitempty"`
	AppName      string `json:"appName,omitempty"`
}

// The Credentials to send with: by their ids, or the defaults of an App.
type SenderRequest struct {
	Apn     string `json:"apn,omitempty"`
	Fcm     string `json:"fcm,omitempty"`
	AppName string `json:"appName,omitempty"`
}

// Sound is a string or SoundOfEach. The sound of a message: the name of a file in the app, or `default`. The
// systems name files differently, so each may have its own.
type Sound = any

// The names of a sound by provider.
type SoundOfEach struct {
	Apn string `json:"apn,omitempty"`
	Fcm string `json:"fcm,omitempty"`
}

// How many of the Operation's notifications are in each state. At every moment, `total = scheduled + queued +
// sent + failed + canceled + unaddressable`.
type Stats struct {
	Canceled int64 `json:"canceled"`
	// Of all, how many have arrived on a device, as its app reports (extension).
	Delivered int64 `json:"delivered"`
	Failed    int64 `json:"failed"`
	// Of all, how many were opened, as the app reports (extension).
	Opened        int64 `json:"opened"`
	Queued        int64 `json:"queued"`
	Recipients    int64 `json:"recipients"`
	Scheduled     int64 `json:"scheduled"`
	Sent          int64 `json:"sent"`
	Total         int64 `json:"total"`
	Unaddressable int64 `json:"unaddressable"`
}

// What an APNs token is for. An app that takes calls has one of each.
type TokenKind string

const (
	TokenKindAlert TokenKind = "ALERT"
	TokenKindVoip  TokenKind = "VOIP"
)

type User struct {
	CreatedAt time.Time `json:"createdAt"`
	// Always `null`: a deleted User is gone.
	DeletedAt *time.Time `json:"deletedAt,omitempty"`
	// The account's own id of the User (extension); `null`: it has none.
	ExternalID string `json:"externalId,omitempty"`
	ID         string `json:"id"`
	// A language tag, as BCP 47 describes (extension).
	Language string `json:"language,omitempty"`
	// Whether the User gets nothing (extension).
	OptedOut bool `json:"optedOut"`
	// The tags of Operations that the User does not get (extension).
	OptedOutTags []string `json:"optedOutTags"`
	// The name of a time zone in the IANA database (extension).
	Timezone  string    `json:"timezone,omitempty"`
	UpdatedAt time.Time `json:"updatedAt"`
	// The values for templates that a recipient of a send does not give (extension).
	Variables map[string]any `json:"variables"`
}

type UserList struct {
	Pagination Pagination `json:"pagination"`
	Users      []User     `json:"users"`
}

// A User, who is reached on each device in the sender's App.
type UserRecipient struct {
	// In place of the message's badge (extension).
	Badge  *int64 `json:"badge,omitempty"`
	UserID string `json:"userId"`
	// The values for the message's templates.
	Variables map[string]any `json:"variables,omitempty"`
}

// What is known of a User beside its devices (extension). A field that is absent stays as it is; `null` clears
// it.
type UserRequest struct {
	// The account's own id of the User. No other User of the account may have it.
	ExternalID string `json:"externalId,omitempty"`
	// A language tag, as BCP 47 describes.
	Language string `json:"language,omitempty"`
	// Whether the User gets nothing.
	OptedOut *bool `json:"optedOut,omitempty"`
	// The tags of Operations that the User does not get, each a key or `key:value`.
	OptedOutTags []string `json:"optedOutTags,omitempty"`
	// The name of a time zone in the IANA database.
	Timezone string `json:"timezone,omitempty"`
	// The values for templates that a recipient of a send does not give. They replace those that the User has.
	Variables map[string]any `json:"variables,omitempty"`
}

// The answer to `validateOnly`.
type Validation struct {
	// How many devices FCM was asked about.
	Asked int64 `json:"asked"`
	// The problems, in request order.
	Errors []RecipientError `json:"errors"`
	// Whether no problem was found. Whether a device still exists is known for certain only after a send.
	Valid bool `json:"valid"`
}

// What a notification waits for (extension).
type WaitingFor struct {
	// Null: not known.
	NextTry *time.Time `json:"nextTry,omitempty"`
	// For people.
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
}

type Webhook struct {
	AppName     string    `json:"appName,omitempty"`
	CreatedAt   time.Time `json:"createdAt"`
	Description string    `json:"description,omitempty"`
	// Why it is disabled.
	DisabledReason string            `json:"disabledReason,omitempty"`
	Envelope       Envelope          `json:"envelope"`
	Events         []EventType       `json:"events"`
	ID             string            `json:"id"`
	Status         WebhookStatus     `json:"status"`
	Tags           map[string]string `json:"tags,omitempty"`
	UpdatedAt      time.Time         `json:"updatedAt"`
	URL            string            `json:"url"`
}

type WebhookAttempt struct {
	// The beginning of the answer's body.
	Answer     string    `json:"answer,omitempty"`
	CreatedAt  time.Time `json:"createdAt"`
	DurationMs int64     `json:"durationMs"`
	// Why it failed; `null`: it did not.
	Error string `json:"error,omitempty"`
	// The receiver's answer; `null`: there was none.
	HTTPStatus *int64 `json:"httpStatus,omitempty"`
	// 1 for the first attempt.
	Number int64 `json:"number"`
}

// What to change of a webhook. `null` takes away `appName`, `tags` and `description`.
type WebhookChangeRequest struct {
	AppName     string               `json:"appName,omitempty"`
	Description string               `json:"description,omitempty"`
	Envelope    Envelope             `json:"envelope,omitempty"`
	Events      []EventType          `json:"events,omitempty"`
	Status      WebhookStatusRequest `json:"status,omitempty"`
	Tags        map[string]string    `json:"tags,omitempty"`
	URL         string               `json:"url,omitempty"`
}

type WebhookDelivery struct {
	// The last 20, first to last.
	Attempts  []WebhookAttempt `json:"attempts"`
	CreatedAt time.Time        `json:"createdAt"`
	// The name of an event, or `webhook.test`.
	Event string `json:"event"`
	// The header `webhook-id` of its requests.
	ID string `json:"id"`
	// When it is tried again at the earliest.
	NextAttemptAt *time.Time     `json:"nextAttemptAt,omitempty"`
	Status        DeliveryStatus `json:"status"`
	UpdatedAt     time.Time      `json:"updatedAt"`
	// Where it is sent: the webhook's URL, or the `callbackUrl` of its Operation.
	URL       string `json:"url"`
	WebhookID string `json:"webhookId"`
}

type WebhookDeliveryList struct {
	Deliveries []WebhookDelivery `json:"deliveries"`
	Pagination Pagination        `json:"pagination"`
}

type WebhookList struct {
	Pagination Pagination `json:"pagination"`
	Webhooks   []Webhook  `json:"webhooks"`
}

// Where to tell what happened, and what.
type WebhookRequest struct {
	// Only events of this App. If absent, of every App.
	AppName     string `json:"appName,omitempty"`
	Description string `json:"description,omitempty"`
	// `standard` if absent.
	Envelope Envelope    `json:"envelope,omitempty"`
	Events   []EventType `json:"events"`
	// Only Operations with all of these tags, and their notifications. If absent, all.
	Tags map[string]string `json:"tags,omitempty"`
	// An https URL with a public address. `http` and private addresses are for installations with
	// `webhooks.allow_private`.
	URL string `json:"url"`
}

// WebhookStatus is one of the constants below.
type WebhookStatus string

const (
	WebhookStatusEnabled  WebhookStatus = "ENABLED"
	WebhookStatusDisabled WebhookStatus = "DISABLED"
)

// WebhookStatusRequest is one of the constants below.
type WebhookStatusRequest string

const (
	WebhookStatusRequestEnabled  WebhookStatusRequest = "ENABLED"
	WebhookStatusRequestDisabled WebhookStatusRequest = "DISABLED"
)

// A webhook with its secret, which is never shown again.
type WebhookWithSecret struct {
	AppName     string    `json:"appName,omitempty"`
	CreatedAt   time.Time `json:"createdAt"`
	Description string    `json:"description,omitempty"`
	// Why it is disabled.
	DisabledReason string            `json:"disabledReason,omitempty"`
	Envelope       Envelope          `json:"envelope"`
	Events         []EventType       `json:"events"`
	ID             string            `json:"id"`
	Status         WebhookStatus     `json:"status"`
	Tags           map[string]string `json:"tags,omitempty"`
	UpdatedAt      time.Time         `json:"updatedAt"`
	URL            string            `json:"url"`
	// `whsec_` and the key of its signatures in base64.
	Secret string `json:"secret"`
}
