// Code generated from /openapi.json by `make clients-generated`. DO NOT EDIT.

package bellwire

import (
	"context"
)

// CancelOperation: Cancels an Operation's notifications that are not settled (extension).
func (c *Client) CancelOperation(ctx context.Context, id string, options ...Option) (*AcceptedOperation, error) {
	return answerOf[AcceptedOperation](ctx, c, call{method: "POST", path: path("/v1/PushNotifications/Operations/%s/Cancel", id), query: nil, options: options, takesKey: true})
}

// CancelOperations: Cancels the unsettled notifications of all Operations that have these tags, up to 1,000
// Operations (extension).
func (c *Client) CancelOperations(ctx context.Context, request CancelRequest) (*CanceledOperations, error) {
	return answerOf[CanceledOperations](ctx, c, call{method: "POST", path: path("/v1/PushNotifications/Operations/Cancel"), query: nil, body: request})
}

// CancelPushNotification: Cancels one notification (extension).
func (c *Client) CancelPushNotification(ctx context.Context, id string, options ...Option) (*AcceptedOperation, error) {
	return answerOf[AcceptedOperation](ctx, c, call{method: "POST", path: path("/v1/PushNotifications/%s/Cancel", id), query: nil, options: options, takesKey: true})
}

// CreateCredential: Stores a Credential. The first one of an App creates the App.
func (c *Client) CreateCredential(ctx context.Context, request CredentialRequest, options ...Option) (*AcceptedResource, error) {
	return answerOf[AcceptedResource](ctx, c, call{method: "POST", path: path("/v1/PushNotifications/Credentials"), query: nil, body: request, options: options, takesKey: true})
}

// CreateKey: Creates an API key (extension). Its secret is shown once, so the request takes no Idempotency-Key.
func (c *Client) CreateKey(ctx context.Context, request *KeyRequest) (*CreatedKey, error) {
	return answerOf[CreatedKey](ctx, c, call{method: "POST", path: path("/v1/PushNotifications/Keys"), query: nil, body: request})
}

// CreateTemplate: Stores a template (extension).
func (c *Client) CreateTemplate(ctx context.Context, request TemplateRequest, options ...Option) (*Template, error) {
	return answerOf[Template](ctx, c, call{method: "POST", path: path("/v1/PushNotifications/Templates"), query: nil, body: request, options: options, takesKey: true})
}

// CreateWebhook: Stores a webhook (extension). Only this answer shows its secret; a repeat under the same
// Idempotency-Key does not.
func (c *Client) CreateWebhook(ctx context.Context, request WebhookRequest, options ...Option) (*WebhookWithSecret, error) {
	return answerOf[WebhookWithSecret](ctx, c, call{method: "POST", path: path("/v1/PushNotifications/Webhooks"), query: nil, body: request, options: options, takesKey: true})
}

// DeleteCredential: Deletes a Credential. Notifications queued with it fail.
func (c *Client) DeleteCredential(ctx context.Context, id string) error {
	return c.do(ctx, call{method: "DELETE", path: path("/v1/PushNotifications/Credentials/%s", id), query: nil}, nil)
}

// DeleteDeviceRegistration: Deletes a registration with its devices.
func (c *Client) DeleteDeviceRegistration(ctx context.Context, id string) error {
	return c.do(ctx, call{method: "DELETE", path: path("/v1/PushNotifications/DeviceRegistrations/%s", id), query: nil}, nil)
}

// DeleteTemplate: Deletes a template with its versions (extension). Sends that were accepted with it keep their
// content.
func (c *Client) DeleteTemplate(ctx context.Context, id string) error {
	return c.do(ctx, call{method: "DELETE", path: path("/v1/PushNotifications/Templates/%s", id), query: nil}, nil)
}

// DeleteUserQuery filters DeleteUser. A zero value means that the parameter is absent.
type DeleteUserQuery struct {
	// Also erases the User from records (extension)
	Records *bool
}

// DeleteUser: Deletes a User with its devices. Notifications queued for it become unaddressable.
func (c *Client) DeleteUser(ctx context.Context, id string, query DeleteUserQuery) error {
	return c.do(ctx, call{method: "DELETE", path: path("/v1/PushNotifications/Users/%s", id), query: parameters(map[string]any{"records": query.Records})}, nil)
}

// DeleteWebhook: Deletes a webhook with its deliveries (extension).
func (c *Client) DeleteWebhook(ctx context.Context, id string) error {
	return c.do(ctx, call{method: "DELETE", path: path("/v1/PushNotifications/Webhooks/%s", id), query: nil}, nil)
}

// EstimateAudience: Counts the Users and devices of an audience (extension). A large one is estimated from a
// sample.
func (c *Client) EstimateAudience(ctx context.Context, request EstimateRequest) (*Estimate, error) {
	return answerOf[Estimate](ctx, c, call{method: "POST", path: path("/v1/PushNotifications/Audiences/Estimate"), query: nil, body: request})
}

// ExportDevicesQuery filters ExportDevices. A zero value means that the parameter is absent.
type ExportDevicesQuery struct {
	// Only devices of this App
	AppName string
	// `FULL` shows whole tokens, and is logged; `MASKED` if absent
	Tokens string
}

// ExportDevices: Every device with its User, as NDJSON, or as CSV if `Accept` asks for `text/csv` (extension).
// Tokens are masked, unless a key with the role `FULL` asks for them.
func (c *Client) ExportDevices(ctx context.Context, query ExportDevicesQuery) (*Lines[ExportedDevice], error) {
	return newLines[ExportedDevice](ctx, c, path("/v1/PushNotifications/DeviceRegistrations/Export"), parameters(map[string]any{"appName": query.AppName, "tokens": query.Tokens}))
}

// ExportOperationResults: The outcome of every recipient, in the order of the request: as NDJSON, or as CSV if
// `Accept` asks for `text/csv` (extension).
func (c *Client) ExportOperationResults(ctx context.Context, id string) (*Lines[OperationResult], error) {
	return newLines[OperationResult](ctx, c, path("/v1/PushNotifications/Operations/%s/Results", id), nil)
}

// ExportUserDataQuery filters ExportUserData. A zero value means that the parameter is absent.
type ExportUserDataQuery struct {
	// `FULL` shows whole tokens, and is logged; `MASKED` if absent
	Tokens string
}

// ExportUserData: All data about a User (extension): a line of NDJSON for the User, each device, and each
// notification on record with its attempts. Tokens are masked, unless a key with the role `FULL` asks for them.
func (c *Client) ExportUserData(ctx context.Context, id string, query ExportUserDataQuery) (*Lines[UserDataLine], error) {
	return newLines[UserDataLine](ctx, c, path("/v1/PushNotifications/Users/%s/Data", id), parameters(map[string]any{"tokens": query.Tokens}))
}

// FetchAccount: The settings of the account (extension).
func (c *Client) FetchAccount(ctx context.Context) (*Account, error) {
	return answerOf[Account](ctx, c, call{method: "GET", path: path("/v1/PushNotifications/Account"), query: nil})
}

// FetchApp: One App.
func (c *Client) FetchApp(ctx context.Context, name string) (*App, error) {
	return answerOf[App](ctx, c, call{method: "GET", path: path("/v1/PushNotifications/Apps/%s", name), query: nil})
}

// FetchCredential: One Credential.
func (c *Client) FetchCredential(ctx context.Context, id string) (*Credential, error) {
	return answerOf[Credential](ctx, c, call{method: "GET", path: path("/v1/PushNotifications/Credentials/%s", id), query: nil})
}

// FetchDeviceImport: One import of devices, with its progress (extension).
func (c *Client) FetchDeviceImport(ctx context.Context, id string) (*DeviceImport, error) {
	return answerOf[DeviceImport](ctx, c, call{method: "GET", path: path("/v1/PushNotifications/DeviceRegistrations/Imports/%s", id), query: nil})
}

// FetchDeviceRegistration: One registration.
func (c *Client) FetchDeviceRegistration(ctx context.Context, id string) (*DeviceRegistration, error) {
	return answerOf[DeviceRegistration](ctx, c, call{method: "GET", path: path("/v1/PushNotifications/DeviceRegistrations/%s", id), query: nil})
}

// FetchErrorTotalsQuery filters FetchErrorTotals. A zero value means that the parameter is absent.
type FetchErrorTotalsQuery struct {
	// Created no earlier: 2024-04-20 or 2024-04-20T14:45:00Z
	StartDate string
	// Created no later; a day is included whole
	EndDate string
}

// FetchErrorTotals: How many of an account's notifications failed with each code (extension).
func (c *Client) FetchErrorTotals(ctx context.Context, query FetchErrorTotalsQuery) (*ErrorTotals, error) {
	return answerOf[ErrorTotals](ctx, c, call{method: "GET", path: path("/v1/PushNotifications/ErrorTotals"), query: parameters(map[string]any{"startDate": query.StartDate, "endDate": query.EndDate})})
}

// FetchKey: One API key (extension).
func (c *Client) FetchKey(ctx context.Context, key string) (*Key, error) {
	return answerOf[Key](ctx, c, call{method: "GET", path: path("/v1/PushNotifications/Keys/%s", key), query: nil})
}

// FetchOperationQuery filters FetchOperation. A zero value means that the parameter is absent.
type FetchOperationQuery struct {
	// How long the request waits for the end of the Operation, such as 30s (extension)
	Wait string
}

// FetchOperation: One Operation.
func (c *Client) FetchOperation(ctx context.Context, id string, query FetchOperationQuery) (*Operation, error) {
	return answerOf[Operation](ctx, c, call{method: "GET", path: path("/v1/PushNotifications/Operations/%s", id), query: parameters(map[string]any{"wait": query.Wait})})
}

// FetchOperationErrorTotals: How many of an Operation's notifications failed with each code (extension).
func (c *Client) FetchOperationErrorTotals(ctx context.Context, id string) (*ErrorTotals, error) {
	return answerOf[ErrorTotals](ctx, c, call{method: "GET", path: path("/v1/PushNotifications/Operations/%s/ErrorTotals", id), query: nil})
}

// FetchPushNotification: One notification with its content.
func (c *Client) FetchPushNotification(ctx context.Context, id string) (*FullPushNotification, error) {
	return answerOf[FullPushNotification](ctx, c, call{method: "GET", path: path("/v1/PushNotifications/%s", id), query: nil})
}

// FetchTemplate: One template in its newest version (extension).
func (c *Client) FetchTemplate(ctx context.Context, id string) (*Template, error) {
	return answerOf[Template](ctx, c, call{method: "GET", path: path("/v1/PushNotifications/Templates/%s", id), query: nil})
}

// FetchUser: One User.
func (c *Client) FetchUser(ctx context.Context, id string) (*User, error) {
	return answerOf[User](ctx, c, call{method: "GET", path: path("/v1/PushNotifications/Users/%s", id), query: nil})
}

// FetchWebhook: One webhook (extension).
func (c *Client) FetchWebhook(ctx context.Context, id string) (*Webhook, error) {
	return answerOf[Webhook](ctx, c, call{method: "GET", path: path("/v1/PushNotifications/Webhooks/%s", id), query: nil})
}

// FetchWebhookDelivery: One message to a webhook (extension).
func (c *Client) FetchWebhookDelivery(ctx context.Context, id string, deliveryId string) (*WebhookDelivery, error) {
	return answerOf[WebhookDelivery](ctx, c, call{method: "GET", path: path("/v1/PushNotifications/Webhooks/%s/Deliveries/%s", id, deliveryId), query: nil})
}

// ListAppsQuery filters ListApps. A zero value means that the parameter is absent.
type ListAppsQuery struct {
	IsDefault *bool
	// Created no earlier: 2024-04-20 or 2024-04-20T14:45:00Z
	StartDate string
	// Created no later; a day is included whole
	EndDate string
	// Maximum number of records on the page. A page may have fewer although more records follow
	PageSize int64
	// `pagination.next` of the previous page
	PageToken string
}

// ListApps: Apps, by name.
func (c *Client) ListApps(query ListAppsQuery) *Pager[App] {
	return newPager[App](c, path("/v1/PushNotifications/Apps"), parameters(map[string]any{"isDefault": query.IsDefault, "startDate": query.StartDate, "endDate": query.EndDate, "pageSize": query.PageSize, "pageToken": query.PageToken}), "apps")
}

// ListAuditEventsQuery filters ListAuditEvents. A zero value means that the parameter is absent.
type ListAuditEventsQuery struct {
	// Only this action, such as credential.create
	Action string
	// Only changes by this actor
	Actor string
	// Only changes of the resource with this id or name
	Target string
	// Created no earlier: 2024-04-20 or 2024-04-20T14:45:00Z
	StartDate string
	// Created no later; a day is included whole
	EndDate string
	// Maximum number of records on the page. A page may have fewer although more records follow
	PageSize int64
	// `pagination.next` of the previous page
	PageToken string
}

// ListAuditEvents: Changes of the account, newest first (extension).
func (c *Client) ListAuditEvents(query ListAuditEventsQuery) *Pager[AuditEvent] {
	return newPager[AuditEvent](c, path("/v1/PushNotifications/AuditEvents"), parameters(map[string]any{"action": query.Action, "actor": query.Actor, "target": query.Target, "startDate": query.StartDate, "endDate": query.EndDate, "pageSize": query.PageSize, "pageToken": query.PageToken}), "auditEvents")
}

// ListCredentialsQuery filters ListCredentials. A zero value means that the parameter is absent.
type ListCredentialsQuery struct {
	AppName        string
	CredentialType CredentialType
	IsDefault      *bool
	// Created no earlier: 2024-04-20 or 2024-04-20T14:45:00Z
	StartDate string
	// Created no later; a day is included whole
	EndDate string
	// Maximum number of records on the page. A page may have fewer although more records follow
	PageSize int64
	// `pagination.next` of the previous page
	PageToken string
}

// ListCredentials: Credentials, newest first.
func (c *Client) ListCredentials(query ListCredentialsQuery) *Pager[Credential] {
	return newPager[Credential](c, path("/v1/PushNotifications/Credentials"), parameters(map[string]any{"appName": query.AppName, "credentialType": query.CredentialType, "isDefault": query.IsDefault, "startDate": query.StartDate, "endDate": query.EndDate, "pageSize": query.PageSize, "pageToken": query.PageToken}), "credentials")
}

// ListDeliveryAttemptsQuery filters ListDeliveryAttempts. A zero value means that the parameter is absent.
type ListDeliveryAttemptsQuery struct {
	// Maximum number of records on the page. A page may have fewer although more records follow
	PageSize int64
	// `pagination.next` of the previous page
	PageToken string
}

// ListDeliveryAttempts: A notification's delivery attempts, first to last (extension).
func (c *Client) ListDeliveryAttempts(id string, query ListDeliveryAttemptsQuery) *Pager[DeliveryAttempt] {
	return newPager[DeliveryAttempt](c, path("/v1/PushNotifications/%s/DeliveryAttempts", id), parameters(map[string]any{"pageSize": query.PageSize, "pageToken": query.PageToken}), "deliveryAttempts")
}

// ListDeviceImportErrorsQuery filters ListDeviceImportErrors. A zero value means that the parameter is absent.
type ListDeviceImportErrorsQuery struct {
	// Maximum number of records on the page. A page may have fewer although more records follow
	PageSize int64
	// `pagination.next` of the previous page
	PageToken string
}

// ListDeviceImportErrors: The problems with the rows of an import, by line (extension). At most 10,000 errors
// are kept.
func (c *Client) ListDeviceImportErrors(id string, query ListDeviceImportErrorsQuery) *Pager[ImportError] {
	return newPager[ImportError](c, path("/v1/PushNotifications/DeviceRegistrations/Imports/%s/Errors", id), parameters(map[string]any{"pageSize": query.PageSize, "pageToken": query.PageToken}), "errors")
}

// ListDeviceImportsQuery filters ListDeviceImports. A zero value means that the parameter is absent.
type ListDeviceImportsQuery struct {
	// Maximum number of records on the page. A page may have fewer although more records follow
	PageSize int64
	// `pagination.next` of the previous page
	PageToken string
}

// ListDeviceImports: Imports of devices, newest first (extension).
func (c *Client) ListDeviceImports(query ListDeviceImportsQuery) *Pager[DeviceImport] {
	return newPager[DeviceImport](c, path("/v1/PushNotifications/DeviceRegistrations/Imports"), parameters(map[string]any{"pageSize": query.PageSize, "pageToken": query.PageToken}), "imports")
}

// ListDeviceRegistrationsQuery filters ListDeviceRegistrations. A zero value means that the parameter is absent.
type ListDeviceRegistrationsQuery struct {
	UserID  string
	AppName string
	// Maximum number of records on the page. A page may have fewer although more records follow
	PageSize int64
	// `pagination.next` of the previous page
	PageToken string
}

// ListDeviceRegistrations: The registrations of a User, newest first.
func (c *Client) ListDeviceRegistrations(query ListDeviceRegistrationsQuery) *Pager[DeviceRegistration] {
	return newPager[DeviceRegistration](c, path("/v1/PushNotifications/DeviceRegistrations"), parameters(map[string]any{"userId": query.UserID, "appName": query.AppName, "pageSize": query.PageSize, "pageToken": query.PageToken}), "deviceRegistrations")
}

// ListKeysQuery filters ListKeys. A zero value means that the parameter is absent.
type ListKeysQuery struct {
	// Maximum number of records on the page. A page may have fewer although more records follow
	PageSize int64
	// `pagination.next` of the previous page
	PageToken string
}

// ListKeys: API keys of the account, by user name (extension).
func (c *Client) ListKeys(query ListKeysQuery) *Pager[Key] {
	return newPager[Key](c, path("/v1/PushNotifications/Keys"), parameters(map[string]any{"pageSize": query.PageSize, "pageToken": query.PageToken}), "keys")
}

// ListOperationErrorsQuery filters ListOperationErrors. A zero value means that the parameter is absent.
type ListOperationErrorsQuery struct {
	// Only errors with this code; letter case matters only if two providers have codes that differ in nothing else
	Code               string
	PushNotificationID string
	User               string
	// The same as `user` (extension)
	UserID string
	// The account's own id of a User (extension)
	ExternalID string
	// Maximum number of records on the page. A page may have fewer although more records follow
	PageSize int64
	// `pagination.next` of the previous page
	PageToken string
}

// ListOperationErrors: An Operation's errors, in the order of its request (extension).
func (c *Client) ListOperationErrors(id string, query ListOperationErrorsQuery) *Pager[OperationError] {
	return newPager[OperationError](c, path("/v1/PushNotifications/Operations/%s/Errors", id), parameters(map[string]any{"code": query.Code, "pushNotificationId": query.PushNotificationID, "user": query.User, "userId": query.UserID, "externalId": query.ExternalID, "pageSize": query.PageSize, "pageToken": query.PageToken}), "errors")
}

// ListOperationsQuery filters ListOperations. A zero value means that the parameter is absent.
type ListOperationsQuery struct {
	Status OperationStatus
	// key_1:value;key_2:value (extension)
	Tags string
	// Scheduled at or after this time: 2024-04-20 or 2024-04-20T14:45:00Z (extension)
	ScheduledAfter string
	// Scheduled at or before this time; a date includes the whole day (extension)
	ScheduledBefore string
	// Created no earlier: 2024-04-20 or 2024-04-20T14:45:00Z
	StartDate string
	// Created no later; a day is included whole
	EndDate string
	// Maximum number of records on the page. A page may have fewer although more records follow
	PageSize int64
	// `pagination.next` of the previous page
	PageToken string
}

// ListOperations: Operations, newest first. With a filter that few match, a page may be short or empty although
// others follow.
func (c *Client) ListOperations(query ListOperationsQuery) *Pager[Operation] {
	return newPager[Operation](c, path("/v1/PushNotifications/Operations"), parameters(map[string]any{"status": query.Status, "tags": query.Tags, "scheduledAfter": query.ScheduledAfter, "scheduledBefore": query.ScheduledBefore, "startDate": query.StartDate, "endDate": query.EndDate, "pageSize": query.PageSize, "pageToken": query.PageToken}), "operations")
}

// ListPushNotificationsQuery filters ListPushNotifications. A zero value means that the parameter is absent.
type ListPushNotificationsQuery struct {
	OperationID string
	Status      PushNotificationStatus
	// key_1:value;key_2:value
	Tags string
	User string
	// The same as `user` (extension)
	UserID string
	// The account's own id of a User (extension)
	ExternalID string
	Provider   Provider
	// Whether it has arrived on a device, as its app reports (extension)
	Delivered *bool
	// Whether it was opened, as its app reports (extension)
	Opened *bool
	// Created no earlier: 2024-04-20 or 2024-04-20T14:45:00Z
	StartDate string
	// Created no later; a day is included whole
	EndDate string
	// Maximum number of records on the page. A page may have fewer although more records follow
	PageSize int64
	// `pagination.next` of the previous page
	PageToken string
}

// ListPushNotifications: Notifications: those of the newest Operation first; within an Operation, in the order
// of its request. With a filter that few match, a page may be short or empty although others follow.
func (c *Client) ListPushNotifications(query ListPushNotificationsQuery) *Pager[PushNotification] {
	return newPager[PushNotification](c, path("/v1/PushNotifications"), parameters(map[string]any{"operationId": query.OperationID, "status": query.Status, "tags": query.Tags, "user": query.User, "userId": query.UserID, "externalId": query.ExternalID, "provider": query.Provider, "delivered": query.Delivered, "opened": query.Opened, "startDate": query.StartDate, "endDate": query.EndDate, "pageSize": query.PageSize, "pageToken": query.PageToken}), "pushNotifications")
}

// ListTemplateVersionsQuery filters ListTemplateVersions. A zero value means that the parameter is absent.
type ListTemplateVersionsQuery struct {
	// Maximum number of records on the page. A page may have fewer although more records follow
	PageSize int64
	// `pagination.next` of the previous page
	PageToken string
}

// ListTemplateVersions: The versions of a template that are kept, newest first (extension).
func (c *Client) ListTemplateVersions(id string, query ListTemplateVersionsQuery) *Pager[TemplateVersion] {
	return newPager[TemplateVersion](c, path("/v1/PushNotifications/Templates/%s/Versions", id), parameters(map[string]any{"pageSize": query.PageSize, "pageToken": query.PageToken}), "versions")
}

// ListTemplatesQuery filters ListTemplates. A zero value means that the parameter is absent.
type ListTemplatesQuery struct {
	// Maximum number of records on the page. A page may have fewer although more records follow
	PageSize int64
	// `pagination.next` of the previous page
	PageToken string
}

// ListTemplates: Templates in their newest versions, newest first (extension).
func (c *Client) ListTemplates(query ListTemplatesQuery) *Pager[Template] {
	return newPager[Template](c, path("/v1/PushNotifications/Templates"), parameters(map[string]any{"pageSize": query.PageSize, "pageToken": query.PageToken}), "templates")
}

// ListUsersQuery filters ListUsers. A zero value means that the parameter is absent.
type ListUsersQuery struct {
	// The account's own id of a User (extension)
	ExternalID string
	// Maximum number of records on the page. A page may have fewer although more records follow
	PageSize int64
	// `pagination.next` of the previous page
	PageToken string
}

// ListUsers: Users, newest first.
func (c *Client) ListUsers(query ListUsersQuery) *Pager[User] {
	return newPager[User](c, path("/v1/PushNotifications/Users"), parameters(map[string]any{"externalId": query.ExternalID, "pageSize": query.PageSize, "pageToken": query.PageToken}), "users")
}

// ListWebhookDeliveriesQuery filters ListWebhookDeliveries. A zero value means that the parameter is absent.
type ListWebhookDeliveriesQuery struct {
	Status DeliveryStatus
	Event  DeliveryEvent
	// Maximum number of records on the page. A page may have fewer although more records follow
	PageSize int64
	// `pagination.next` of the previous page
	PageToken string
}

// ListWebhookDeliveries: Messages to a webhook, newest first (extension).
func (c *Client) ListWebhookDeliveries(id string, query ListWebhookDeliveriesQuery) *Pager[WebhookDelivery] {
	return newPager[WebhookDelivery](c, path("/v1/PushNotifications/Webhooks/%s/Deliveries", id), parameters(map[string]any{"status": query.Status, "event": query.Event, "pageSize": query.PageSize, "pageToken": query.PageToken}), "deliveries")
}

// ListWebhooksQuery filters ListWebhooks. A zero value means that the parameter is absent.
type ListWebhooksQuery struct {
	// Maximum number of records on the page. A page may have fewer although more records follow
	PageSize int64
	// `pagination.next` of the previous page
	PageToken string
}

// ListWebhooks: Webhooks, newest first (extension).
func (c *Client) ListWebhooks(query ListWebhooksQuery) *Pager[Webhook] {
	return newPager[Webhook](c, path("/v1/PushNotifications/Webhooks"), parameters(map[string]any{"pageSize": query.PageSize, "pageToken": query.PageToken}), "webhooks")
}

// MergeUser: Merges a User into another, the target (extension). The target gets its devices, and those fields
// of its profile that the target lacks. The target's id finds the records of both. A repeat changes nothing.
func (c *Client) MergeUser(ctx context.Context, id string, request MergeRequest, options ...Option) (*AcceptedResource, error) {
	return answerOf[AcceptedResource](ctx, c, call{method: "POST", path: path("/v1/PushNotifications/Users/%s/Merge", id), query: nil, body: request, options: options, takesKey: true})
}

// PauseOperation: Stops sending an Operation until it is resumed (extension).
func (c *Client) PauseOperation(ctx context.Context, id string, options ...Option) (*AcceptedOperation, error) {
	return answerOf[AcceptedOperation](ctx, c, call{method: "POST", path: path("/v1/PushNotifications/Operations/%s/Pause", id), query: nil, options: options, takesKey: true})
}

// PreviewPushNotifications: Shows the requests to FCM and APNs that a send would cause, without sending them
// (extension).
func (c *Client) PreviewPushNotifications(ctx context.Context, request SendRequest) (*PreviewList, error) {
	return answerOf[PreviewList](ctx, c, call{method: "POST", path: path("/v1/PushNotifications/Preview"), query: nil, body: request})
}

// RegisterDevice: Registers a device, for the User that the request names by `userId` or `externalId`; else for
// the one who has the token, or a new one.
func (c *Client) RegisterDevice(ctx context.Context, request RegisterRequest, options ...Option) (*RegisteredDevice, error) {
	return answerOf[RegisteredDevice](ctx, c, call{method: "POST", path: path("/v1/PushNotifications/DeviceRegistrations"), query: nil, body: request, options: options, takesKey: true})
}

// RemoveDevice: Removes one device of a registration (extension). Removing the last device deletes the
// registration.
func (c *Client) RemoveDevice(ctx context.Context, id string, deviceId string) error {
	return c.do(ctx, call{method: "DELETE", path: path("/v1/PushNotifications/DeviceRegistrations/%s/Devices/%s", id, deviceId), query: nil}, nil)
}

// RemoveDeviceByToken: Removes the device that has a token (extension). The token is in the body, because it is
// a secret.
func (c *Client) RemoveDeviceByToken(ctx context.Context, request RemoveRequest, options ...Option) error {
	return c.do(ctx, call{method: "POST", path: path("/v1/PushNotifications/DeviceRegistrations/Remove"), query: nil, body: request, options: options, takesKey: true}, nil)
}

// ResendOperation: Sends the failed notifications of an Operation again, as a new Operation (extension).
func (c *Client) ResendOperation(ctx context.Context, id string, request *ResendRequest, options ...Option) (*AcceptedOperation, error) {
	return answerOf[AcceptedOperation](ctx, c, call{method: "POST", path: path("/v1/PushNotifications/Operations/%s/Resend", id), query: nil, body: request, options: options, takesKey: true})
}

// ResendWebhookDelivery: Sends a message again, whether it was delivered or not (extension). It has the same
// `webhook-id`.
func (c *Client) ResendWebhookDelivery(ctx context.Context, id string, deliveryId string, options ...Option) (*AcceptedResource, error) {
	return answerOf[AcceptedResource](ctx, c, call{method: "POST", path: path("/v1/PushNotifications/Webhooks/%s/Deliveries/%s/Resend", id, deliveryId), query: nil, options: options, takesKey: true})
}

// ResumeOperation: Continues sending a paused Operation (extension).
func (c *Client) ResumeOperation(ctx context.Context, id string, options ...Option) (*AcceptedOperation, error) {
	return answerOf[AcceptedOperation](ctx, c, call{method: "POST", path: path("/v1/PushNotifications/Operations/%s/Resume", id), query: nil, options: options, takesKey: true})
}

// RevokeKey: Revokes an API key (extension). Its next request is refused.
func (c *Client) RevokeKey(ctx context.Context, key string) error {
	return c.do(ctx, call{method: "DELETE", path: path("/v1/PushNotifications/Keys/%s", key), query: nil}, nil)
}

// RotateKey: Creates a key in place of another one, which works for the overlap (extension). The new key has its
// role, name and note.
func (c *Client) RotateKey(ctx context.Context, key string, request *RotateRequest) (*CreatedKey, error) {
	return answerOf[CreatedKey](ctx, c, call{method: "POST", path: path("/v1/PushNotifications/Keys/%s/Rotate", key), query: nil, body: request})
}

// RotateWebhookSecret: Gives a webhook a new secret (extension). For 24 hours, requests to it also have a
// signature with the previous secret. Only this answer shows the new secret; a repeat under the same
// Idempotency-Key does not.
func (c *Client) RotateWebhookSecret(ctx context.Context, id string, options ...Option) (*WebhookWithSecret, error) {
	return answerOf[WebhookWithSecret](ctx, c, call{method: "POST", path: path("/v1/PushNotifications/Webhooks/%s/RotateSecret", id), query: nil, options: options, takesKey: true})
}

// SendPushNotifications: Sends a message to devices and Users, or to an audience.
func (c *Client) SendPushNotifications(ctx context.Context, request SendRequest, options ...Option) (*AcceptedOperation, error) {
	return answerOf[AcceptedOperation](ctx, c, call{method: "POST", path: path("/v1/PushNotifications"), query: nil, body: request, options: options, takesKey: true})
}

// SendReceipts: Records that messages were delivered, opened or dismissed, for up to 100 receipts of an app
// (extension). Needs no API key.
func (c *Client) SendReceipts(ctx context.Context, request ReceiptsRequest) error {
	return c.do(ctx, call{method: "POST", path: path("/v1/Receipts"), query: nil, body: request}, nil)
}

// TestCredential: Tests a Credential with its provider, without delivering anything (extension).
func (c *Client) TestCredential(ctx context.Context, id string) (*CredentialTest, error) {
	return answerOf[CredentialTest](ctx, c, call{method: "POST", path: path("/v1/PushNotifications/Credentials/%s/Test", id), query: nil})
}

// TestWebhook: Sends a test message to a webhook (extension). Its event is `webhook.test`.
func (c *Client) TestWebhook(ctx context.Context, id string, options ...Option) (*AcceptedResource, error) {
	return answerOf[AcceptedResource](ctx, c, call{method: "POST", path: path("/v1/PushNotifications/Webhooks/%s/Test", id), query: nil, options: options, takesKey: true})
}

// UpdateAccount: Sets or removes the cap of pushes for each User of the account (extension).
func (c *Client) UpdateAccount(ctx context.Context, request AccountRequest) (*Account, error) {
	return answerOf[Account](ctx, c, call{method: "PUT", path: path("/v1/PushNotifications/Account"), query: nil, body: request})
}

// UpdateApp: Makes an App the default: a send without `from` uses its Credentials.
func (c *Client) UpdateApp(ctx context.Context, name string, request DefaultRequest) (*AcceptedResource, error) {
	return answerOf[AcceptedResource](ctx, c, call{method: "PATCH", path: path("/v1/PushNotifications/Apps/%s", name), query: nil, body: request})
}

// UpdateCredential: Makes a Credential the default of its App and type.
func (c *Client) UpdateCredential(ctx context.Context, id string, request DefaultRequest) (*AcceptedResource, error) {
	return answerOf[AcceptedResource](ctx, c, call{method: "PATCH", path: path("/v1/PushNotifications/Credentials/%s", id), query: nil, body: request})
}

// UpdateDevice: Replaces the tags of one device (extension).
func (c *Client) UpdateDevice(ctx context.Context, id string, deviceId string, request DeviceTagsRequest) (*AcceptedResource, error) {
	return answerOf[AcceptedResource](ctx, c, call{method: "PATCH", path: path("/v1/PushNotifications/DeviceRegistrations/%s/Devices/%s", id, deviceId), query: nil, body: request})
}

// UpdateOperation: Changes when a SCHEDULED Operation is sent, or how fast an Operation is sent (extension).
func (c *Client) UpdateOperation(ctx context.Context, id string, request OperationChangeRequest, options ...Option) (*AcceptedOperation, error) {
	return answerOf[AcceptedOperation](ctx, c, call{method: "PATCH", path: path("/v1/PushNotifications/Operations/%s", id), query: nil, body: request, options: options, takesKey: true})
}

// UpdateTemplate: Changes a template (extension). An absent field stays as it is; `null` removes `localizations`
// or `defaults`. A change of anything but the name makes a new version.
func (c *Client) UpdateTemplate(ctx context.Context, id string, request TemplateChangeRequest) (*AcceptedResource, error) {
	return answerOf[AcceptedResource](ctx, c, call{method: "PATCH", path: path("/v1/PushNotifications/Templates/%s", id), query: nil, body: request})
}

// UpdateUser: Changes the profile of a User (extension). An absent field stays as it is; `null` clears it.
func (c *Client) UpdateUser(ctx context.Context, id string, request UserRequest) (*AcceptedResource, error) {
	return answerOf[AcceptedResource](ctx, c, call{method: "PUT", path: path("/v1/PushNotifications/Users/%s", id), query: nil, body: request})
}

// UpdateWebhook: Changes a webhook (extension). An absent field stays as it is; `null` removes `appName`, `tags`
// or `description`, and makes `envelope` `standard`.
func (c *Client) UpdateWebhook(ctx context.Context, id string, request WebhookChangeRequest) (*AcceptedResource, error) {
	return answerOf[AcceptedResource](ctx, c, call{method: "PATCH", path: path("/v1/PushNotifications/Webhooks/%s", id), query: nil, body: request})
}
