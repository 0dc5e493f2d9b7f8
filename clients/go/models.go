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

// The settings of an account.
type Account struct {
	// How many pushes each User gets; `null`: as many as are sent.
	Cap *Cap   `json:"cap,omitempty"`
	ID  string `json:"id"`
}

// The settings of the account (extension).
type AccountRequest struct {
	// `null` removes the cap.
	Cap CapLimits `json:"cap"`
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

// Every User of the sender's App, or those with certain devices (extension). An audience must be the only
// recipient.
type AudienceRecipient struct {
	Audience AudienceRequest `json:"audience"`
}

type AudienceRequest struct {
	// If present, only devices that match all of these conditions.
	All []ConditionRequest `json:"all,omitempty"`
	// If present, only devices that match at least one of these conditions.
	Any []ConditionRequest `json:"any,omitempty"`
	// If the audience has more Users, nothing is sent.
	Max *int64 `json:"max,omitempty"`
	// If present, only devices that match none of these conditions.
	None []ConditionRequest `json:"none,omitempty"`
	// If present, only devices with all of these tags.
	Tags map[string]string `json:"tags,omitempty"`
}

// A change of the account's settings, or of what it sends.
type AuditEvent struct {
	// What was done, such as `credential.create`.
	Action string `json:"action"`
	// The user name of the API key, or who else it was.
	Actor     string    `json:"actor"`
	CreatedAt time.Time `json:"createdAt"`
	ID        string    `json:"id"`
	// Where the request came from; null: from the command line.
	SourceAddress string `json:"sourceAddress,omitempty"`
	// Ids or names of what was changed.
	Targets []string `json:"targets"`
	Via     Via      `json:"via"`
}

type AuditEventList struct {
	AuditEvents []AuditEvent `json:"auditEvents"`
	Pagination  Pagination   `json:"pagination"`
}

// BadgeOrTemplate is a int64 or string.
type BadgeOrTemplate = any

// Which Operations are canceled (extension): those with all of these tags. At least one tag.
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

// At most `max` pushes to each User within any time of the length `per`.
type Cap struct {
	Max int64 `json:"max"`
	// As it was given: such as `24h`, or a number of seconds.
	Per any `json:"per"`
}

// At most `max` pushes to each User within any time of the length `per`.
type CapLimits struct {
	Max int64 `json:"max"`
	// A time from `1s` to `30d`, such as `24h`, or a number of seconds.
	Per any `json:"per"`
}

// CapRequest is one of the constants below.
type CapRequest string

const (
	CapRequestIgnore CapRequest = "IGNORE"
)

// Choices is a string or []string.
type Choices = any

type CodeTotal struct {
	// The provider's code, or Bellwire's if the notifications failed without an attempt.
	Code  string `json:"code"`
	Count int64  `json:"count"`
}

// A condition on a device and its User. It has at least one field, and all of its fields must match.
type ConditionRequest struct {
	// The User's language is this one or a regional variant of it: `es` matches `es-MX`. Of several languages, one
	// must match.
	Language Choices `json:"language,omitempty"`
	// The device was registered, or sent a receipt, at this RFC 3339 timestamp or later.
	LastSeenAfter string `json:"lastSeenAfter,omitempty"`
	// The device was last registered, and last sent a receipt, before this RFC 3339 timestamp.
	LastSeenBefore string `json:"lastSeenBefore,omitempty"`
	// `FCM` or `APN`.
	Provider Choices `json:"provider,omitempty"`
	// The device has all of these tags.
	Tags map[string]string `json:"tags,omitempty"`
	// The User's time zone, such as `Europe/Madrid`.
	Timezone Choices `json:"timezone,omitempty"`
}

// What the device shows or passes to the app; at least one field. Each string may be a Liquid template.
type ContentRequest struct {
	Body string `json:"body,omitempty"`
	// Key-value pairs for the app (extension).
	Data map[string]string `json:"data,omitempty"`
	// The URL of an image (extension).
	Image string `json:"image,omitempty"`
	// What Users of other languages get instead, by language tag (BCP 47); at most 50 (extension). A User gets the
	// language whose tag is the longest prefix of the User's own.
	Localizations map[string]LocalizationRequest `json:"localizations,omitempty"`
	// What happens if a template outputs a variable that has no value for a recipient (extension). `FAIL` if absent.
	MissingVariables MissingVariables `json:"missingVariables,omitempty"`
	// The stored template for the content (extension). It can be combined only with `variables` and
	// `missingVariables`.
	TemplateID string `json:"templateId,omitempty"`
	Title      string `json:"title,omitempty"`
	// Values of variables for all recipients that have no value of their own (extension).
	Variables map[string]any `json:"variables,omitempty"`
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
	// Tests the Credential with its provider first, and stores it only if the provider accepts it (extension).
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

// A day of the week.
type Day string

const (
	DayMon Day = "MON"
	DayTue Day = "TUE"
	DayWed Day = "WED"
	DayThu Day = "THU"
	DayFri Day = "FRI"
	DaySat Day = "SAT"
	DaySun Day = "SUN"
)

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

// The name of an event, or `webhook.test`
type DeliveryEvent string

const (
	DeliveryEventOperationProcessing   DeliveryEvent = "operation.processing"
	DeliveryEventOperationCompleted    DeliveryEvent = "operation.completed"
	DeliveryEventOperationCanceled     DeliveryEvent = "operation.canceled"
	DeliveryEventOperationPaused       DeliveryEvent = "operation.paused"
	DeliveryEventNotificationFailed    DeliveryEvent = "notification.failed"
	DeliveryEventNotificationCanceled  DeliveryEvent = "notification.canceled"
	DeliveryEventNotificationSent      DeliveryEvent = "notification.sent"
	DeliveryEventNotificationDelivered DeliveryEvent = "notification.delivered"
	DeliveryEventNotificationOpened    DeliveryEvent = "notification.opened"
	DeliveryEventDeviceRemoved         DeliveryEvent = "device.removed"
	DeliveryEventCredentialRefused     DeliveryEvent = "credential.refused"
	DeliveryEventCredentialRecovered   DeliveryEvent = "credential.recovered"
	DeliveryEventWebhookTest           DeliveryEvent = "webhook.test"
)

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

// An import of a file of devices.
type DeviceImport struct {
	// Devices that are new.
	Created   int64     `json:"created"`
	CreatedAt time.Time `json:"createdAt"`
	// Why it ended before the end of the file; `null`: it did not.
	Error string `json:"error,omitempty"`
	// Rows with an error.
	Failed int64 `json:"failed"`
	// `NDJSON` or `CSV`.
	Format string `json:"format"`
	ID     string `json:"id"`
	// The line up to which everything is stored or has failed, from 1; 0: nothing was read.
	LastLine int64 `json:"lastLine"`
	// Rows that were read so far: the sum of the four counts below.
	Rows   int64        `json:"rows"`
	Status ImportStatus `json:"status"`
	// Rows that said nothing new.
	Unchanged int64 `json:"unchanged"`
	// Rows that changed a device or its User.
	Updated   int64     `json:"updated"`
	UpdatedAt time.Time `json:"updatedAt"`
}

type DeviceImportList struct {
	Imports    []DeviceImport `json:"imports"`
	Pagination Pagination     `json:"pagination"`
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
	// They replace those that the device has; `null` removes them.
	Tags map[string]string `json:"tags"`
}

// How many of the devices are of which provider.
type DevicesByProvider struct {
	APN int64 `json:"APN"`
	FCM int64 `json:"FCM"`
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

// How many Users and devices an audience has (extension).
type Estimate struct {
	ByProvider DevicesByProvider `json:"byProvider"`
	Devices    int64             `json:"devices"`
	// The relative error of `users` and `devices`: with a probability of 95% they are off by no more. Absent: they
	// are exact.
	Error *float64 `json:"error,omitempty"`
	Users int64    `json:"users"`
}

// An audience to count (extension).
type EstimateRequest struct {
	// If absent, the default App.
	AppName  string          `json:"appName,omitempty"`
	Audience AudienceRequest `json:"audience"`
}

// An event that a webhook can get.
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

// A device with its User: a line of the stream, with the fields of a registration.
type ExportedDevice struct {
	AppName              string    `json:"appName"`
	DeviceID             string    `json:"deviceId"`
	DeviceRegistrationID string    `json:"deviceRegistrationId"`
	Environment          string    `json:"environment,omitempty"`
	ExternalID           string    `json:"externalId,omitempty"`
	Kind                 string    `json:"kind,omitempty"`
	Language             string    `json:"language,omitempty"`
	OptedOut             bool      `json:"optedOut"`
	OptedOutTags         []string  `json:"optedOutTags"`
	Provider             Provider  `json:"provider"`
	RegisteredAt         time.Time `json:"registeredAt"`
	Tags                 any       `json:"tags,omitempty"`
	Timezone             string    `json:"timezone,omitempty"`
	// Masked, unless whole tokens were asked for.
	Token     string `json:"token"`
	UserID    string `json:"userId"`
	Variables any    `json:"variables,omitempty"`
}

// A User, by the account's own id (extension). If no User has this id, the notification is unaddressable.
type ExternalIdRecipient struct {
	// In place of the message's badge (extension).
	Badge      *int64 `json:"badge,omitempty"`
	ExternalID string `json:"externalId"`
	// The values for the message's templates.
	Variables map[string]any `json:"variables,omitempty"`
}

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
	// The tag of the localization that `content` is in (extension). Absent: the content is that for all.
	Language string `json:"language,omitempty"`
	Sound    Sound  `json:"sound,omitempty"`
}

// When an Operation is paused automatically (extension): once `after` notifications were sent or failed, and
// this percentage of them failed.
type GuardRequest struct {
	After         int64 `json:"after"`
	FailedPercent int64 `json:"failedPercent"`
}

// What becomes of a message whose local time has passed when it is accepted.
type IfPassed string

const (
	IfPassedSend     IfPassed = "SEND"
	IfPassedTomorrow IfPassed = "TOMORROW"
	IfPassedSkip     IfPassed = "SKIP"
)

// A problem with a row.
type ImportError struct {
	// Empty for the row as a whole.
	Field string `json:"field"`
	// The line on which the row ends, from 1.
	Line    int64  `json:"line"`
	Message string `json:"message"`
}

type ImportErrorList struct {
	Errors     []ImportError `json:"errors"`
	Pagination Pagination    `json:"pagination"`
}

// ImportStatus is one of the constants below.
type ImportStatus string

const (
	ImportStatusRunning     ImportStatus = "RUNNING"
	ImportStatusCompleted   ImportStatus = "COMPLETED"
	ImportStatusInterrupted ImportStatus = "INTERRUPTED"
	ImportStatusFailed      ImportStatus = "FAILED"
)

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
	// When the key expires, an RFC 3339 timestamp in the future. If absent, it does not expire.
	ExpiresAt string `json:"expiresAt,omitempty"`
	// What the key is for.
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

// The texts of one language; at least one field. A missing field is taken from the content.
type LocalizationRequest struct {
	Body string `json:"body,omitempty"`
	// Key-value pairs for the app, in place of those with the same keys.
	Data map[string]string `json:"data,omitempty"`
	// The URL of an image.
	Image string `json:"image,omitempty"`
	Title string `json:"title,omitempty"`
}

// The User who gets the devices of another (extension).
type MergeRequest struct {
	// A User of the account.
	Into string `json:"into"`
}

// What becomes of a recipient for whom a variable has no value that its template writes.
type MissingVariables string

const (
	MissingVariablesFail  MissingVariables = "FAIL"
	MissingVariablesEmpty MissingVariables = "EMPTY"
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

// Changes of an Operation (extension): its time, if it is SCHEDULED, its pace, or both.
type OperationChangeRequest struct {
	// `null` takes the pace away: the rest is sent at once.
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
	Position *int64 `json:"position,omitempty"`
	// `null`, as `position` and `to` are: the error is that of the Operation, which does not reach all of its
	// audience.
	PushNotificationID string     `json:"pushNotificationId,omitempty"`
	To                 *Recipient `json:"to,omitempty"`
}

type OperationErrorList struct {
	Errors     []OperationError `json:"errors"`
	Pagination Pagination       `json:"pagination"`
}

type OperationList struct {
	Operations []Operation `json:"operations"`
	Pagination Pagination  `json:"pagination"`
}

// The outcome of one recipient: a line of the stream. In CSV, `to` is the columns `provider`, `token`, `userId`
// and `externalId`.
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
	Token string `json:"token,omitempty"`
	// Whether the User was erased from records (extension). Absent: it was not.
	Erased *bool `json:"erased,omitempty"`
	// The account's own id of the User (extension). Absent: it has none.
	ExternalID string `json:"externalId,omitempty"`
	// Absent: no User had the external id when the send was accepted.
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
	Variables  map[string]any   `json:"variables,omitempty"`
	UserID     string           `json:"userId,omitempty"`
	ExternalID string           `json:"externalId,omitempty"`
	Audience   *AudienceRequest `json:"audience,omitempty"`
}

type RegisterRequest struct {
	// The name of an App that exists.
	AppName string `json:"appName"`
	// Of an APNs token (extension). It chooses between an `APN` and an `APN_SANDBOX` Credential.
	Environment Environment `json:"environment,omitempty"`
	// The account's own id of the User (extension). Without `userId`, it identifies the User. If no User has it, the
	// User who has the token gets it; if that User has another external id, a new User is created.
	ExternalID string `json:"externalId,omitempty"`
	// What an APNs token is for (extension): `VOIP` tokens get only pushes of the type `voip`, `ALERT` tokens all
	// others.
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
	// Only these positions in `to` of the original request, from 0. Each must have failed.
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
	// What becomes of a local time that had passed (extension).
	IfPassed IfPassed `json:"ifPassed,omitempty"`
	// A local time has no zone. Absent: at once.
	SendAt []string `json:"sendAt,omitempty"`
	// By the recipients' clocks (extension).
	Window *ShownWindow `json:"window,omitempty"`
}

// When the message is sent: `sendAt`, a `window`, or both. If absent, at once.
type ScheduleRequest struct {
	// What happens if the local time has already passed for a recipient (extension). `SEND` if absent.
	IfPassed IfPassed `json:"ifPassed,omitempty"`
	// Whether the window is ignored (extension).
	IgnoreWindow *bool `json:"ignoreWindow,omitempty"`
	// One RFC 3339 timestamp. Without a zone it is the local time of each recipient, and UTC for those without a
	// time zone.
	SendAt []string       `json:"sendAt,omitempty"`
	Window *WindowRequest `json:"window,omitempty"`
}

// A message and its recipients.
type SendRequest struct {
	// Merged into the `headers` and the `payload` for APNs (extension). `null` removes a field; strings may be
	// Liquid templates.
	Apn map[string]any `json:"apn,omitempty"`
	// The number on the app's icon, or a Liquid template for it; 0 removes it (extension).
	Badge BadgeOrTemplate `json:"badge,omitempty"`
	// Where the Operation's events go, in place of the URL of the account's webhook with the same scheme, host and
	// port (extension).
	CallbackURL string `json:"callbackUrl,omitempty"`
	// `IGNORE` exempts the send from the account's cap, and does not count towards it (extension). Use it for one-
	// time codes, for example.
	Cap CapRequest `json:"cap,omitempty"`
	// A message replaces an earlier one with the same key on the device (extension). Printable ASCII without a space
	// at either end; may be a Liquid template.
	CollapseKey string         `json:"collapseKey,omitempty"`
	Content     ContentRequest `json:"content"`
	// How long Bellwire tries to deliver, in seconds, from `sendAt` or, without it, from acceptance; no longer than
	// `ttl` (extension). If absent, the operator's configuration applies.
	Deadline *int64 `json:"deadline,omitempty"`
	// Merged into FCM's `message` object (extension). `null` removes a field; strings may be Liquid templates.
	Fcm map[string]any `json:"fcm,omitempty"`
	// If absent, the default Credentials of the default App.
	From  *SenderRequest `json:"from,omitempty"`
	Guard *GuardRequest  `json:"guard,omitempty"`
	// The same as `ignoreWindow` of `schedule` (extension).
	IgnoreWindow *bool        `json:"ignoreWindow,omitempty"`
	Pace         *PaceRequest `json:"pace,omitempty"`
	// `HIGH` if absent.
	Priority Priority `json:"priority,omitempty"`
	// Whether each message carries a token, `bw_receipt` in its data, with which the app reports delivery and
	// opening to `POST /v1/Receipts` (extension).
	Receipts *bool            `json:"receipts,omitempty"`
	Schedule *ScheduleRequest `json:"schedule,omitempty"`
	// The name of a sound in the app, or `default`; or a name for each provider (extension). May be a Liquid
	// template.
	Sound Sound `json:"sound,omitempty"`
	// Key-value pairs by which lists of notifications can be filtered.
	Tags map[string]string `json:"tags,omitempty"`
	// If `false`, no string is a Liquid template, even if it contains `{{` (extension). `true` if absent.
	Templating *bool `json:"templating,omitempty"`
	// Devices and Users, or one audience alone.
	To []RecipientRequest `json:"to"`
	// How long the provider keeps the message for an unreachable device, in seconds (extension).
	TTL *int64 `json:"ttl,omitempty"`
	// Checks the request, and asks FCM about FCM devices, but sends and stores nothing (extension).
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

// When recipients may get messages, by their clocks.
type ShownWindow struct {
	Days  []Day  `json:"days,omitempty"`
	From  string `json:"from"`
	Until string `json:"until"`
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

type Template struct {
	// As in a send.
	Content map[string]any `json:"content"`
	// What variables are that neither a recipient, nor a send, nor a User has.
	Defaults map[string]any `json:"defaults"`
	// By language tag, as in a send.
	Localizations map[string]any `json:"localizations"`
	CreatedAt     time.Time      `json:"createdAt"`
	ID            string         `json:"id"`
	Name          string         `json:"name"`
	UpdatedAt     time.Time      `json:"updatedAt"`
	// From 1; each change of the content makes a new one.
	Version int64 `json:"version"`
}

// Changes of a template. `null` removes `localizations` or `defaults`.
type TemplateChangeRequest struct {
	Content       *TemplateContentRequest        `json:"content,omitempty"`
	Defaults      map[string]any                 `json:"defaults,omitempty"`
	Localizations map[string]LocalizationRequest `json:"localizations,omitempty"`
	Name          string                         `json:"name,omitempty"`
}

// What the device shows or passes to the app; at least one of the first four fields. Each string may be a Liquid
// template.
type TemplateContentRequest struct {
	Body string `json:"body,omitempty"`
	// Key-value pairs for the app.
	Data map[string]string `json:"data,omitempty"`
	// The URL of an image.
	Image string `json:"image,omitempty"`
	// `FAIL` if absent.
	MissingVariables MissingVariables `json:"missingVariables,omitempty"`
	Title            string           `json:"title,omitempty"`
}

type TemplateList struct {
	Pagination Pagination `json:"pagination"`
	Templates  []Template `json:"templates"`
}

// Content to be stored under a name.
type TemplateRequest struct {
	Content TemplateContentRequest `json:"content"`
	// Values of variables for which neither the recipient, nor the send, nor the User has a value.
	Defaults map[string]any `json:"defaults,omitempty"`
	// What Users of other languages get, by language tag (BCP 47); at most 50.
	Localizations map[string]LocalizationRequest `json:"localizations,omitempty"`
	// No other template of the account has it.
	Name string `json:"name"`
}

// A version of a template.
type TemplateVersion struct {
	// As in a send.
	Content map[string]any `json:"content"`
	// What variables are that neither a recipient, nor a send, nor a User has.
	Defaults map[string]any `json:"defaults"`
	// By language tag, as in a send.
	Localizations map[string]any `json:"localizations"`
	CreatedAt     time.Time      `json:"createdAt"`
	Version       int64          `json:"version"`
}

type TemplateVersionList struct {
	Pagination Pagination        `json:"pagination"`
	Versions   []TemplateVersion `json:"versions"`
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

// UserDataLine is a any or any or any or any. A line of the stream. `type` says what it is.
type UserDataLine = any

type UserList struct {
	Pagination Pagination `json:"pagination"`
	Users      []User     `json:"users"`
}

// A User. The message goes to each of the User's devices in the sender's App.
type UserRecipient struct {
	// In place of the message's badge (extension).
	Badge  *int64 `json:"badge,omitempty"`
	UserID string `json:"userId"`
	// The values for the message's templates.
	Variables map[string]any `json:"variables,omitempty"`
}

// The profile of a User (extension). A field that is absent stays as it is; `null` clears it.
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

// How a change was made.
type Via string

const (
	ViaApi     Via = "API"
	ViaConsole Via = "CONSOLE"
	ViaCli     Via = "CLI"
)

// What a notification waits for (extension).
type WaitingFor struct {
	// Null: not known, or its time has come.
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

// Changes of a webhook. `null` removes `appName`, `tags` or `description`.
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
	Event     DeliveryEvent    `json:"event"`
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

// A webhook: where to send events, and which.
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

// When recipients may get the message, in their local time (extension). Outside the window, the message waits
// until it opens. A window that ends at or before its beginning ends on the next day.
type WindowRequest struct {
	// On which days the window opens. If absent, on all.
	Days []Day `json:"days,omitempty"`
	// A time of day, such as `09:00`.
	From string `json:"from"`
	// A time of day, up to `24:00`.
	Until string `json:"until"`
}
