// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire;

import bellwire.model.*;
import java.util.stream.Stream;

/** Every operation of the API. */
public class Operations {
    final Transport transport;

    Operations(Transport transport) {
        this.transport = transport;
    }

    /** Cancels an Operation's notifications that are not settled (extension). */
    public AcceptedOperation cancelOperation(String id) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Operations/%s/Cancel", id), null, null, Transport.newKey(), AcceptedOperation.class);
    }

    /** Cancels an Operation's notifications that are not settled (extension). */
    public AcceptedOperation cancelOperation(String id, String idempotencyKey) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Operations/%s/Cancel", id), null, null, idempotencyKey, AcceptedOperation.class);
    }

    /**
     * Cancels the unsettled notifications of all Operations that have these tags, up to 1,000 Operations
     * (extension).
     */
    public CanceledOperations cancelOperations(CancelRequest request) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Operations/Cancel"), null, request, null, CanceledOperations.class);
    }

    /** Cancels one notification (extension). */
    public AcceptedOperation cancelPushNotification(String id) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/%s/Cancel", id), null, null, Transport.newKey(), AcceptedOperation.class);
    }

    /** Cancels one notification (extension). */
    public AcceptedOperation cancelPushNotification(String id, String idempotencyKey) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/%s/Cancel", id), null, null, idempotencyKey, AcceptedOperation.class);
    }

    /** Stores a Credential. The first one of an App creates the App. */
    public AcceptedResource createCredential(CredentialRequest request) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Credentials"), null, request, Transport.newKey(), AcceptedResource.class);
    }

    /** Stores a Credential. The first one of an App creates the App. */
    public AcceptedResource createCredential(CredentialRequest request, String idempotencyKey) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Credentials"), null, request, idempotencyKey, AcceptedResource.class);
    }

    /** Creates an API key (extension). Its secret is shown once, so the request takes no Idempotency-Key. */
    public CreatedKey createKey(KeyRequest request) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Keys"), null, request, null, CreatedKey.class);
    }

    /** Stores a template (extension). */
    public Template createTemplate(TemplateRequest request) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Templates"), null, request, Transport.newKey(), Template.class);
    }

    /** Stores a template (extension). */
    public Template createTemplate(TemplateRequest request, String idempotencyKey) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Templates"), null, request, idempotencyKey, Template.class);
    }

    /**
     * Stores a webhook (extension). Only this answer shows its secret; a repeat under the same Idempotency-Key
     * does not.
     */
    public WebhookWithSecret createWebhook(WebhookRequest request) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Webhooks"), null, request, Transport.newKey(), WebhookWithSecret.class);
    }

    /**
     * Stores a webhook (extension). Only this answer shows its secret; a repeat under the same Idempotency-Key
     * does not.
     */
    public WebhookWithSecret createWebhook(WebhookRequest request, String idempotencyKey) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Webhooks"), null, request, idempotencyKey, WebhookWithSecret.class);
    }

    /** Deletes a Credential. Notifications queued with it fail. */
    public void deleteCredential(String id) {
        transport.call("DELETE", Transport.path("/v1/PushNotifications/Credentials/%s", id), null, null, null, Void.class);
    }

    /** Deletes a registration with its devices. */
    public void deleteDeviceRegistration(String id) {
        transport.call("DELETE", Transport.path("/v1/PushNotifications/DeviceRegistrations/%s", id), null, null, null, Void.class);
    }

    /** Deletes a template with its versions (extension). Sends that were accepted with it keep their content. */
    public void deleteTemplate(String id) {
        transport.call("DELETE", Transport.path("/v1/PushNotifications/Templates/%s", id), null, null, null, Void.class);
    }

    /** Deletes a User with its devices. Notifications queued for it become unaddressable. */
    public void deleteUser(String id, DeleteUserQuery query) {
        transport.call("DELETE", Transport.path("/v1/PushNotifications/Users/%s", id), query, null, null, Void.class);
    }

    /** Deletes a webhook with its deliveries (extension). */
    public void deleteWebhook(String id) {
        transport.call("DELETE", Transport.path("/v1/PushNotifications/Webhooks/%s", id), null, null, null, Void.class);
    }

    /** Counts the Users and devices of an audience (extension). A large one is estimated from a sample. */
    public Estimate estimateAudience(EstimateRequest request) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Audiences/Estimate"), null, request, null, Estimate.class);
    }

    /**
     * Every device with its User, as NDJSON, or as CSV if <code>Accept</code> asks for <code>text/csv</code>
     * (extension). Tokens are masked, unless a key with the role <code>FULL</code> asks for them.
     */
    public Stream<ExportedDevice> exportDevices(ExportDevicesQuery query) {
        return transport.lines(Transport.path("/v1/PushNotifications/DeviceRegistrations/Export"), query, ExportedDevice.class);
    }

    /**
     * The outcome of every recipient, in the order of the request: as NDJSON, or as CSV if <code>Accept</code>
     * asks for <code>text/csv</code> (extension).
     */
    public Stream<OperationResult> exportOperationResults(String id) {
        return transport.lines(Transport.path("/v1/PushNotifications/Operations/%s/Results", id), null, OperationResult.class);
    }

    /**
     * All data about a User (extension): a line of NDJSON for the User, each device, and each notification on
     * record with its attempts. Tokens are masked, unless a key with the role <code>FULL</code> asks for them.
     */
    public Stream<Object> exportUserData(String id, ExportUserDataQuery query) {
        return transport.lines(Transport.path("/v1/PushNotifications/Users/%s/Data", id), query, Object.class);
    }

    /** The settings of the account (extension). */
    public Account fetchAccount() {
        return transport.call("GET", Transport.path("/v1/PushNotifications/Account"), null, null, null, Account.class);
    }

    /** One App. */
    public App fetchApp(String name) {
        return transport.call("GET", Transport.path("/v1/PushNotifications/Apps/%s", name), null, null, null, App.class);
    }

    /** One Credential. */
    public Credential fetchCredential(String id) {
        return transport.call("GET", Transport.path("/v1/PushNotifications/Credentials/%s", id), null, null, null, Credential.class);
    }

    /** One import of devices, with its progress (extension). */
    public DeviceImport fetchDeviceImport(String id) {
        return transport.call("GET", Transport.path("/v1/PushNotifications/DeviceRegistrations/Imports/%s", id), null, null, null, DeviceImport.class);
    }

    /** One registration. */
    public DeviceRegistration fetchDeviceRegistration(String id) {
        return transport.call("GET", Transport.path("/v1/PushNotifications/DeviceRegistrations/%s", id), null, null, null, DeviceRegistration.class);
    }

    /** How many of an account's notifications failed with each code (extension). */
    public ErrorTotals fetchErrorTotals(FetchErrorTotalsQuery query) {
        return transport.call("GET", Transport.path("/v1/PushNotifications/ErrorTotals"), query, null, null, ErrorTotals.class);
    }

    /** One API key (extension). */
    public Key fetchKey(String key) {
        return transport.call("GET", Transport.path("/v1/PushNotifications/Keys/%s", key), null, null, null, Key.class);
    }

    /** One Operation. */
    public Operation fetchOperation(String id, FetchOperationQuery query) {
        return transport.call("GET", Transport.path("/v1/PushNotifications/Operations/%s", id), query, null, null, Operation.class);
    }

    /** How many of an Operation's notifications failed with each code (extension). */
    public ErrorTotals fetchOperationErrorTotals(String id) {
        return transport.call("GET", Transport.path("/v1/PushNotifications/Operations/%s/ErrorTotals", id), null, null, null, ErrorTotals.class);
    }

    /** One notification with its content. */
    public FullPushNotification fetchPushNotification(String id) {
        return transport.call("GET", Transport.path("/v1/PushNotifications/%s", id), null, null, null, FullPushNotification.class);
    }

    /** One template in its newest version (extension). */
    public Template fetchTemplate(String id) {
        return transport.call("GET", Transport.path("/v1/PushNotifications/Templates/%s", id), null, null, null, Template.class);
    }

    /** One User. */
    public User fetchUser(String id) {
        return transport.call("GET", Transport.path("/v1/PushNotifications/Users/%s", id), null, null, null, User.class);
    }

    /** One webhook (extension). */
    public Webhook fetchWebhook(String id) {
        return transport.call("GET", Transport.path("/v1/PushNotifications/Webhooks/%s", id), null, null, null, Webhook.class);
    }

    /** One message to a webhook (extension). */
    public WebhookDelivery fetchWebhookDelivery(String id, String deliveryId) {
        return transport.call("GET", Transport.path("/v1/PushNotifications/Webhooks/%s/Deliveries/%s", id, deliveryId), null, null, null, WebhookDelivery.class);
    }

    /** Apps, by name. */
    public Pager<App> listApps(ListAppsQuery query) {
        return new Pager<>(transport, Transport.path("/v1/PushNotifications/Apps"), query, "apps", App.class);
    }

    /** Changes of the account, newest first (extension). */
    public Pager<AuditEvent> listAuditEvents(ListAuditEventsQuery query) {
        return new Pager<>(transport, Transport.path("/v1/PushNotifications/AuditEvents"), query, "auditEvents", AuditEvent.class);
    }

    /** Credentials, newest first. */
    public Pager<Credential> listCredentials(ListCredentialsQuery query) {
        return new Pager<>(transport, Transport.path("/v1/PushNotifications/Credentials"), query, "credentials", Credential.class);
    }

    /** A notification's delivery attempts, first to last (extension). */
    public Pager<DeliveryAttempt> listDeliveryAttempts(String id, ListDeliveryAttemptsQuery query) {
        return new Pager<>(transport, Transport.path("/v1/PushNotifications/%s/DeliveryAttempts", id), query, "deliveryAttempts", DeliveryAttempt.class);
    }

    /** The problems with the rows of an import, by line (extension). At most 10,000 errors are kept. */
    public Pager<ImportError> listDeviceImportErrors(String id, ListDeviceImportErrorsQuery query) {
        return new Pager<>(transport, Transport.path("/v1/PushNotifications/DeviceRegistrations/Imports/%s/Errors", id), query, "errors", ImportError.class);
    }

    /** Imports of devices, newest first (extension). */
    public Pager<DeviceImport> listDeviceImports(ListDeviceImportsQuery query) {
        return new Pager<>(transport, Transport.path("/v1/PushNotifications/DeviceRegistrations/Imports"), query, "imports", DeviceImport.class);
    }

    /** The registrations of a User, newest first. */
    public Pager<DeviceRegistration> listDeviceRegistrations(ListDeviceRegistrationsQuery query) {
        return new Pager<>(transport, Transport.path("/v1/PushNotifications/DeviceRegistrations"), query, "deviceRegistrations", DeviceRegistration.class);
    }

    /** API keys of the account, by user name (extension). */
    public Pager<Key> listKeys(ListKeysQuery query) {
        return new Pager<>(transport, Transport.path("/v1/PushNotifications/Keys"), query, "keys", Key.class);
    }

    /** An Operation's errors, in the order of its request (extension). */
    public Pager<OperationError> listOperationErrors(String id, ListOperationErrorsQuery query) {
        return new Pager<>(transport, Transport.path("/v1/PushNotifications/Operations/%s/Errors", id), query, "errors", OperationError.class);
    }

    /**
     * Operations, newest first. With a filter that few match, a page may be short or empty although others follow.
     */
    public Pager<Operation> listOperations(ListOperationsQuery query) {
        return new Pager<>(transport, Transport.path("/v1/PushNotifications/Operations"), query, "operations", Operation.class);
    }

    /**
     * Notifications: those of the newest Operation first; within an Operation, in the order of its request. With a
     * filter that few match, a page may be short or empty although others follow.
     */
    public Pager<PushNotification> listPushNotifications(ListPushNotificationsQuery query) {
        return new Pager<>(transport, Transport.path("/v1/PushNotifications"), query, "pushNotifications", PushNotification.class);
    }

    /** The versions of a template that are kept, newest first (extension). */
    public Pager<TemplateVersion> listTemplateVersions(String id, ListTemplateVersionsQuery query) {
        return new Pager<>(transport, Transport.path("/v1/PushNotifications/Templates/%s/Versions", id), query, "versions", TemplateVersion.class);
    }

    /** Templates in their newest versions, newest first (extension). */
    public Pager<Template> listTemplates(ListTemplatesQuery query) {
        return new Pager<>(transport, Transport.path("/v1/PushNotifications/Templates"), query, "templates", Template.class);
    }

    /** Users, newest first. */
    public Pager<User> listUsers(ListUsersQuery query) {
        return new Pager<>(transport, Transport.path("/v1/PushNotifications/Users"), query, "users", User.class);
    }

    /** Messages to a webhook, newest first (extension). */
    public Pager<WebhookDelivery> listWebhookDeliveries(String id, ListWebhookDeliveriesQuery query) {
        return new Pager<>(transport, Transport.path("/v1/PushNotifications/Webhooks/%s/Deliveries", id), query, "deliveries", WebhookDelivery.class);
    }

    /** Webhooks, newest first (extension). */
    public Pager<Webhook> listWebhooks(ListWebhooksQuery query) {
        return new Pager<>(transport, Transport.path("/v1/PushNotifications/Webhooks"), query, "webhooks", Webhook.class);
    }

    /**
     * Merges a User into another, the target (extension). The target gets its devices, and those fields of its
     * profile that the target lacks. The target's id finds the records of both. A repeat changes nothing.
     */
    public AcceptedResource mergeUser(String id, MergeRequest request) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Users/%s/Merge", id), null, request, Transport.newKey(), AcceptedResource.class);
    }

    /**
     * Merges a User into another, the target (extension). The target gets its devices, and those fields of its
     * profile that the target lacks. The target's id finds the records of both. A repeat changes nothing.
     */
    public AcceptedResource mergeUser(String id, MergeRequest request, String idempotencyKey) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Users/%s/Merge", id), null, request, idempotencyKey, AcceptedResource.class);
    }

    /** Stops sending an Operation until it is resumed (extension). */
    public AcceptedOperation pauseOperation(String id) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Operations/%s/Pause", id), null, null, Transport.newKey(), AcceptedOperation.class);
    }

    /** Stops sending an Operation until it is resumed (extension). */
    public AcceptedOperation pauseOperation(String id, String idempotencyKey) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Operations/%s/Pause", id), null, null, idempotencyKey, AcceptedOperation.class);
    }

    /** Shows the requests to FCM and APNs that a send would cause, without sending them (extension). */
    public PreviewList previewPushNotifications(SendRequest request) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Preview"), null, request, null, PreviewList.class);
    }

    /**
     * Registers a device, for the User that the request names by <code>userId</code> or <code>externalId</code>;
     * else for the one who has the token, or a new one.
     */
    public RegisteredDevice registerDevice(RegisterRequest request) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/DeviceRegistrations"), null, request, Transport.newKey(), RegisteredDevice.class);
    }

    /**
     * Registers a device, for the User that the request names by <code>userId</code> or <code>externalId</code>;
     * else for the one who has the token, or a new one.
     */
    public RegisteredDevice registerDevice(RegisterRequest request, String idempotencyKey) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/DeviceRegistrations"), null, request, idempotencyKey, RegisteredDevice.class);
    }

    /** Removes one device of a registration (extension). Removing the last device deletes the registration. */
    public void removeDevice(String id, String deviceId) {
        transport.call("DELETE", Transport.path("/v1/PushNotifications/DeviceRegistrations/%s/Devices/%s", id, deviceId), null, null, null, Void.class);
    }

    /** Removes the device that has a token (extension). The token is in the body, because it is a secret. */
    public void removeDeviceByToken(RemoveRequest request) {
        transport.call("POST", Transport.path("/v1/PushNotifications/DeviceRegistrations/Remove"), null, request, Transport.newKey(), Void.class);
    }

    /** Removes the device that has a token (extension). The token is in the body, because it is a secret. */
    public void removeDeviceByToken(RemoveRequest request, String idempotencyKey) {
        transport.call("POST", Transport.path("/v1/PushNotifications/DeviceRegistrations/Remove"), null, request, idempotencyKey, Void.class);
    }

    /** Sends the failed notifications of an Operation again, as a new Operation (extension). */
    public AcceptedOperation resendOperation(String id, ResendRequest request) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Operations/%s/Resend", id), null, request, Transport.newKey(), AcceptedOperation.class);
    }

    /** Sends the failed notifications of an Operation again, as a new Operation (extension). */
    public AcceptedOperation resendOperation(String id, ResendRequest request, String idempotencyKey) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Operations/%s/Resend", id), null, request, idempotencyKey, AcceptedOperation.class);
    }

    /**
     * Sends a message again, whether it was delivered or not (extension). It has the same <code>webhook-id</code>.
     */
    public AcceptedResource resendWebhookDelivery(String id, String deliveryId) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Webhooks/%s/Deliveries/%s/Resend", id, deliveryId), null, null, Transport.newKey(), AcceptedResource.class);
    }

    /**
     * Sends a message again, whether it was delivered or not (extension). It has the same <code>webhook-id</code>.
     */
    public AcceptedResource resendWebhookDelivery(String id, String deliveryId, String idempotencyKey) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Webhooks/%s/Deliveries/%s/Resend", id, deliveryId), null, null, idempotencyKey, AcceptedResource.class);
    }

    /** Continues sending a paused Operation (extension). */
    public AcceptedOperation resumeOperation(String id) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Operations/%s/Resume", id), null, null, Transport.newKey(), AcceptedOperation.class);
    }

    /** Continues sending a paused Operation (extension). */
    public AcceptedOperation resumeOperation(String id, String idempotencyKey) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Operations/%s/Resume", id), null, null, idempotencyKey, AcceptedOperation.class);
    }

    /** Revokes an API key (extension). Its next request is refused. */
    public void revokeKey(String key) {
        transport.call("DELETE", Transport.path("/v1/PushNotifications/Keys/%s", key), null, null, null, Void.class);
    }

    /**
     * Creates a key in place of another one, which works for the overlap (extension). The new key has its role,
     * name and note.
     */
    public CreatedKey rotateKey(String key, RotateRequest request) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Keys/%s/Rotate", key), null, request, null, CreatedKey.class);
    }

    /**
     * Gives a webhook a new secret (extension). For 24 hours, requests to it also have a signature with the
     * previous secret. Only this answer shows the new secret; a repeat under the same Idempotency-Key does not.
     */
    public WebhookWithSecret rotateWebhookSecret(String id) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Webhooks/%s/RotateSecret", id), null, null, Transport.newKey(), WebhookWithSecret.class);
    }

    /**
     * Gives a webhook a new secret (extension). For 24 hours, requests to it also have a signature with the
     * previous secret. Only this answer shows the new secret; a repeat under the same Idempotency-Key does not.
     */
    public WebhookWithSecret rotateWebhookSecret(String id, String idempotencyKey) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Webhooks/%s/RotateSecret", id), null, null, idempotencyKey, WebhookWithSecret.class);
    }

    /** Sends a message to devices and Users, or to an audience. */
    public AcceptedOperation sendPushNotifications(SendRequest request) {
        return transport.call("POST", Transport.path("/v1/PushNotifications"), null, request, Transport.newKey(), AcceptedOperation.class);
    }

    /** Sends a message to devices and Users, or to an audience. */
    public AcceptedOperation sendPushNotifications(SendRequest request, String idempotencyKey) {
        return transport.call("POST", Transport.path("/v1/PushNotifications"), null, request, idempotencyKey, AcceptedOperation.class);
    }

    /**
     * Records that messages were delivered, opened or dismissed, for up to 100 receipts of an app (extension).
     * Needs no API key.
     */
    public void sendReceipts(ReceiptsRequest request) {
        transport.call("POST", Transport.path("/v1/Receipts"), null, request, null, Void.class);
    }

    /** Tests a Credential with its provider, without delivering anything (extension). */
    public CredentialTest testCredential(String id) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Credentials/%s/Test", id), null, null, null, CredentialTest.class);
    }

    /** Sends a test message to a webhook (extension). Its event is <code>webhook.test</code>. */
    public AcceptedResource testWebhook(String id) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Webhooks/%s/Test", id), null, null, Transport.newKey(), AcceptedResource.class);
    }

    /** Sends a test message to a webhook (extension). Its event is <code>webhook.test</code>. */
    public AcceptedResource testWebhook(String id, String idempotencyKey) {
        return transport.call("POST", Transport.path("/v1/PushNotifications/Webhooks/%s/Test", id), null, null, idempotencyKey, AcceptedResource.class);
    }

    /** Sets or removes the cap of pushes for each User of the account (extension). */
    public Account updateAccount(AccountRequest request) {
        return transport.call("PUT", Transport.path("/v1/PushNotifications/Account"), null, request, null, Account.class);
    }

    /** Makes an App the default: a send without <code>from</code> uses its Credentials. */
    public AcceptedResource updateApp(String name, DefaultRequest request) {
        return transport.call("PATCH", Transport.path("/v1/PushNotifications/Apps/%s", name), null, request, null, AcceptedResource.class);
    }

    /** Makes a Credential the default of its App and type. */
    public AcceptedResource updateCredential(String id, DefaultRequest request) {
        return transport.call("PATCH", Transport.path("/v1/PushNotifications/Credentials/%s", id), null, request, null, AcceptedResource.class);
    }

    /** Replaces the tags of one device (extension). */
    public AcceptedResource updateDevice(String id, String deviceId, DeviceTagsRequest request) {
        return transport.call("PATCH", Transport.path("/v1/PushNotifications/DeviceRegistrations/%s/Devices/%s", id, deviceId), null, request, null, AcceptedResource.class);
    }

    /** Changes when a SCHEDULED Operation is sent, or how fast an Operation is sent (extension). */
    public AcceptedOperation updateOperation(String id, OperationChangeRequest request) {
        return transport.call("PATCH", Transport.path("/v1/PushNotifications/Operations/%s", id), null, request, Transport.newKey(), AcceptedOperation.class);
    }

    /** Changes when a SCHEDULED Operation is sent, or how fast an Operation is sent (extension). */
    public AcceptedOperation updateOperation(String id, OperationChangeRequest request, String idempotencyKey) {
        return transport.call("PATCH", Transport.path("/v1/PushNotifications/Operations/%s", id), null, request, idempotencyKey, AcceptedOperation.class);
    }

    /**
     * Changes a template (extension). An absent field stays as it is; <code>null</code> removes
     * <code>localizations</code> or <code>defaults</code>. A change of anything but the name makes a new version.
     */
    public AcceptedResource updateTemplate(String id, TemplateChangeRequest request) {
        return transport.call("PATCH", Transport.path("/v1/PushNotifications/Templates/%s", id), null, request, null, AcceptedResource.class);
    }

    /** Changes the profile of a User (extension). An absent field stays as it is; <code>null</code> clears it. */
    public AcceptedResource updateUser(String id, UserRequest request) {
        return transport.call("PUT", Transport.path("/v1/PushNotifications/Users/%s", id), null, request, null, AcceptedResource.class);
    }

    /**
     * Changes a webhook (extension). An absent field stays as it is; <code>null</code> removes
     * <code>appName</code>, <code>tags</code> or <code>description</code>, and makes <code>envelope</code>
     * <code>standard</code>.
     */
    public AcceptedResource updateWebhook(String id, WebhookChangeRequest request) {
        return transport.call("PATCH", Transport.path("/v1/PushNotifications/Webhooks/%s", id), null, request, null, AcceptedResource.class);
    }

    /** What {@link #deleteUser} is filtered by. */
    public static final class DeleteUserQuery extends Query<DeleteUserQuery> {
        /** Also erases the User from records (extension) */
        public DeleteUserQuery records(Boolean records) {
            return set("records", records);
        }
    }

    /** What {@link #exportDevices} is filtered by. */
    public static final class ExportDevicesQuery extends Query<ExportDevicesQuery> {
        /** Only devices of this App */
        public ExportDevicesQuery appName(String appName) {
            return set("appName", appName);
        }

        /** <code>FULL</code> shows whole tokens, and is logged; <code>MASKED</code> if absent */
        public ExportDevicesQuery tokens(String tokens) {
            return set("tokens", tokens);
        }
    }

    /** What {@link #exportUserData} is filtered by. */
    public static final class ExportUserDataQuery extends Query<ExportUserDataQuery> {
        /** <code>FULL</code> shows whole tokens, and is logged; <code>MASKED</code> if absent */
        public ExportUserDataQuery tokens(String tokens) {
            return set("tokens", tokens);
        }
    }

    /** What {@link #fetchErrorTotals} is filtered by. */
    public static final class FetchErrorTotalsQuery extends Query<FetchErrorTotalsQuery> {
        /** Created no earlier: 2024-04-20 or 2024-04-20T14:45:00Z */
        public FetchErrorTotalsQuery startDate(String startDate) {
            return set("startDate", startDate);
        }

        /** Created no later; a day is included whole */
        public FetchErrorTotalsQuery endDate(String endDate) {
            return set("endDate", endDate);
        }
    }

    /** What {@link #fetchOperation} is filtered by. */
    public static final class FetchOperationQuery extends Query<FetchOperationQuery> {
        /** How long the request waits for the end of the Operation, such as 30s (extension) */
        public FetchOperationQuery wait(String wait) {
            return set("wait", wait);
        }
    }

    /** What {@link #listApps} is filtered by. */
    public static final class ListAppsQuery extends Query<ListAppsQuery> {
        public ListAppsQuery isDefault(Boolean isDefault) {
            return set("isDefault", isDefault);
        }

        /** Created no earlier: 2024-04-20 or 2024-04-20T14:45:00Z */
        public ListAppsQuery startDate(String startDate) {
            return set("startDate", startDate);
        }

        /** Created no later; a day is included whole */
        public ListAppsQuery endDate(String endDate) {
            return set("endDate", endDate);
        }

        /** Maximum number of records on the page. A page may have fewer although more records follow */
        public ListAppsQuery pageSize(Long pageSize) {
            return set("pageSize", pageSize);
        }

        /** <code>pagination.next</code> of the previous page */
        public ListAppsQuery pageToken(String pageToken) {
            return set("pageToken", pageToken);
        }
    }

    /** What {@link #listAuditEvents} is filtered by. */
    public static final class ListAuditEventsQuery extends Query<ListAuditEventsQuery> {
        /** Only this action, such as credential.create */
        public ListAuditEventsQuery action(String action) {
            return set("action", action);
        }

        /** Only changes by this actor */
        public ListAuditEventsQuery actor(String actor) {
            return set("actor", actor);
        }

        /** Only changes of the resource with this id or name */
        public ListAuditEventsQuery target(String target) {
            return set("target", target);
        }

        /** Created no earlier: 2024-04-20 or 2024-04-20T14:45:00Z */
        public ListAuditEventsQuery startDate(String startDate) {
            return set("startDate", startDate);
        }

        /** Created no later; a day is included whole */
        public ListAuditEventsQuery endDate(String endDate) {
            return set("endDate", endDate);
        }

        /** Maximum number of records on the page. A page may have fewer although more records follow */
        public ListAuditEventsQuery pageSize(Long pageSize) {
            return set("pageSize", pageSize);
        }

        /** <code>pagination.next</code> of the previous page */
        public ListAuditEventsQuery pageToken(String pageToken) {
            return set("pageToken", pageToken);
        }
    }

    /** What {@link #listCredentials} is filtered by. */
    public static final class ListCredentialsQuery extends Query<ListCredentialsQuery> {
        public ListCredentialsQuery appName(String appName) {
            return set("appName", appName);
        }

        public ListCredentialsQuery credentialType(CredentialType credentialType) {
            return set("credentialType", credentialType);
        }

        public ListCredentialsQuery isDefault(Boolean isDefault) {
            return set("isDefault", isDefault);
        }

        /** Created no earlier: 2024-04-20 or 2024-04-20T14:45:00Z */
        public ListCredentialsQuery startDate(String startDate) {
            return set("startDate", startDate);
        }

        /** Created no later; a day is included whole */
        public ListCredentialsQuery endDate(String endDate) {
            return set("endDate", endDate);
        }

        /** Maximum number of records on the page. A page may have fewer although more records follow */
        public ListCredentialsQuery pageSize(Long pageSize) {
            return set("pageSize", pageSize);
        }

        /** <code>pagination.next</code> of the previous page */
        public ListCredentialsQuery pageToken(String pageToken) {
            return set("pageToken", pageToken);
        }
    }

    /** What {@link #listDeliveryAttempts} is filtered by. */
    public static final class ListDeliveryAttemptsQuery extends Query<ListDeliveryAttemptsQuery> {
        /** Maximum number of records on the page. A page may have fewer although more records follow */
        public ListDeliveryAttemptsQuery pageSize(Long pageSize) {
            return set("pageSize", pageSize);
        }

        /** <code>pagination.next</code> of the previous page */
        public ListDeliveryAttemptsQuery pageToken(String pageToken) {
            return set("pageToken", pageToken);
        }
    }

    /** What {@link #listDeviceImportErrors} is filtered by. */
    public static final class ListDeviceImportErrorsQuery extends Query<ListDeviceImportErrorsQuery> {
        /** Maximum number of records on the page. A page may have fewer although more records follow */
        public ListDeviceImportErrorsQuery pageSize(Long pageSize) {
            return set("pageSize", pageSize);
        }

        /** <code>pagination.next</code> of the previous page */
        public ListDeviceImportErrorsQuery pageToken(String pageToken) {
            return set("pageToken", pageToken);
        }
    }

    /** What {@link #listDeviceImports} is filtered by. */
    public static final class ListDeviceImportsQuery extends Query<ListDeviceImportsQuery> {
        /** Maximum number of records on the page. A page may have fewer although more records follow */
        public ListDeviceImportsQuery pageSize(Long pageSize) {
            return set("pageSize", pageSize);
        }

        /** <code>pagination.next</code> of the previous page */
        public ListDeviceImportsQuery pageToken(String pageToken) {
            return set("pageToken", pageToken);
        }
    }

    /** What {@link #listDeviceRegistrations} is filtered by. */
    public static final class ListDeviceRegistrationsQuery extends Query<ListDeviceRegistrationsQuery> {
        public ListDeviceRegistrationsQuery userId(String userId) {
            return set("userId", userId);
        }

        public ListDeviceRegistrationsQuery appName(String appName) {
            return set("appName", appName);
        }

        /** Maximum number of records on the page. A page may have fewer although more records follow */
        public ListDeviceRegistrationsQuery pageSize(Long pageSize) {
            return set("pageSize", pageSize);
        }

        /** <code>pagination.next</code> of the previous page */
        public ListDeviceRegistrationsQuery pageToken(String pageToken) {
            return set("pageToken", pageToken);
        }
    }

    /** What {@link #listKeys} is filtered by. */
    public static final class ListKeysQuery extends Query<ListKeysQuery> {
        /** Maximum number of records on the page. A page may have fewer although more records follow */
        public ListKeysQuery pageSize(Long pageSize) {
            return set("pageSize", pageSize);
        }

        /** <code>pagination.next</code> of the previous page */
        public ListKeysQuery pageToken(String pageToken) {
            return set("pageToken", pageToken);
        }
    }

    /** What {@link #listOperationErrors} is filtered by. */
    public static final class ListOperationErrorsQuery extends Query<ListOperationErrorsQuery> {
        /**
         * Only errors with this code; letter case matters only if two providers have codes that differ in nothing
         * else
         */
        public ListOperationErrorsQuery code(String code) {
            return set("code", code);
        }

        public ListOperationErrorsQuery pushNotificationId(String pushNotificationId) {
            return set("pushNotificationId", pushNotificationId);
        }

        public ListOperationErrorsQuery user(String user) {
            return set("user", user);
        }

        /** The same as <code>user</code> (extension) */
        public ListOperationErrorsQuery userId(String userId) {
            return set("userId", userId);
        }

        /** The account's own id of a User (extension) */
        public ListOperationErrorsQuery externalId(String externalId) {
            return set("externalId", externalId);
        }

        /** Maximum number of records on the page. A page may have fewer although more records follow */
        public ListOperationErrorsQuery pageSize(Long pageSize) {
            return set("pageSize", pageSize);
        }

        /** <code>pagination.next</code> of the previous page */
        public ListOperationErrorsQuery pageToken(String pageToken) {
            return set("pageToken", pageToken);
        }
    }

    /** What {@link #listOperations} is filtered by. */
    public static final class ListOperationsQuery extends Query<ListOperationsQuery> {
        public ListOperationsQuery status(OperationStatus status) {
            return set("status", status);
        }

        /** key_1:value;key_2:value (extension) */
        public ListOperationsQuery tags(String tags) {
            return set("tags", tags);
        }

        /** Scheduled at or after this time: 2024-04-20 or 2024-04-20T14:45:00Z (extension) */
        public ListOperationsQuery scheduledAfter(String scheduledAfter) {
            return set("scheduledAfter", scheduledAfter);
        }

        /** Scheduled at or before this time; a date includes the whole day (extension) */
        public ListOperationsQuery scheduledBefore(String scheduledBefore) {
            return set("scheduledBefore", scheduledBefore);
        }

        /** Created no earlier: 2024-04-20 or 2024-04-20T14:45:00Z */
        public ListOperationsQuery startDate(String startDate) {
            return set("startDate", startDate);
        }

        /** Created no later; a day is included whole */
        public ListOperationsQuery endDate(String endDate) {
            return set("endDate", endDate);
        }

        /** Maximum number of records on the page. A page may have fewer although more records follow */
        public ListOperationsQuery pageSize(Long pageSize) {
            return set("pageSize", pageSize);
        }

        /** <code>pagination.next</code> of the previous page */
        public ListOperationsQuery pageToken(String pageToken) {
            return set("pageToken", pageToken);
        }
    }

    /** What {@link #listPushNotifications} is filtered by. */
    public static final class ListPushNotificationsQuery extends Query<ListPushNotificationsQuery> {
        public ListPushNotificationsQuery operationId(String operationId) {
            return set("operationId", operationId);
        }

        public ListPushNotificationsQuery status(PushNotificationStatus status) {
            return set("status", status);
        }

        /** key_1:value;key_2:value */
        public ListPushNotificationsQuery tags(String tags) {
            return set("tags", tags);
        }

        public ListPushNotificationsQuery user(String user) {
            return set("user", user);
        }

        /** The same as <code>user</code> (extension) */
        public ListPushNotificationsQuery userId(String userId) {
            return set("userId", userId);
        }

        /** The account's own id of a User (extension) */
        public ListPushNotificationsQuery externalId(String externalId) {
            return set("externalId", externalId);
        }

        public ListPushNotificationsQuery provider(Provider provider) {
            return set("provider", provider);
        }

        /** Whether it has arrived on a device, as its app reports (extension) */
        public ListPushNotificationsQuery delivered(Boolean delivered) {
            return set("delivered", delivered);
        }

        /** Whether it was opened, as its app reports (extension) */
        public ListPushNotificationsQuery opened(Boolean opened) {
            return set("opened", opened);
        }

        /** Created no earlier: 2024-04-20 or 2024-04-20T14:45:00Z */
        public ListPushNotificationsQuery startDate(String startDate) {
            return set("startDate", startDate);
        }

        /** Created no later; a day is included whole */
        public ListPushNotificationsQuery endDate(String endDate) {
            return set("endDate", endDate);
        }

        /** Maximum number of records on the page. A page may have fewer although more records follow */
        public ListPushNotificationsQuery pageSize(Long pageSize) {
            return set("pageSize", pageSize);
        }

        /** <code>pagination.next</code> of the previous page */
        public ListPushNotificationsQuery pageToken(String pageToken) {
            return set("pageToken", pageToken);
        }
    }

    /** What {@link #listTemplateVersions} is filtered by. */
    public static final class ListTemplateVersionsQuery extends Query<ListTemplateVersionsQuery> {
        /** Maximum number of records on the page. A page may have fewer although more records follow */
        public ListTemplateVersionsQuery pageSize(Long pageSize) {
            return set("pageSize", pageSize);
        }

        /** <code>pagination.next</code> of the previous page */
        public ListTemplateVersionsQuery pageToken(String pageToken) {
            return set("pageToken", pageToken);
        }
    }

    /** What {@link #listTemplates} is filtered by. */
    public static final class ListTemplatesQuery extends Query<ListTemplatesQuery> {
        /** Maximum number of records on the page. A page may have fewer although more records follow */
        public ListTemplatesQuery pageSize(Long pageSize) {
            return set("pageSize", pageSize);
        }

        /** <code>pagination.next</code> of the previous page */
        public ListTemplatesQuery pageToken(String pageToken) {
            return set("pageToken", pageToken);
        }
    }

    /** What {@link #listUsers} is filtered by. */
    public static final class ListUsersQuery extends Query<ListUsersQuery> {
        /** The account's own id of a User (extension) */
        public ListUsersQuery externalId(String externalId) {
            return set("externalId", externalId);
        }

        /** Maximum number of records on the page. A page may have fewer although more records follow */
        public ListUsersQuery pageSize(Long pageSize) {
            return set("pageSize", pageSize);
        }

        /** <code>pagination.next</code> of the previous page */
        public ListUsersQuery pageToken(String pageToken) {
            return set("pageToken", pageToken);
        }
    }

    /** What {@link #listWebhookDeliveries} is filtered by. */
    public static final class ListWebhookDeliveriesQuery extends Query<ListWebhookDeliveriesQuery> {
        public ListWebhookDeliveriesQuery status(DeliveryStatus status) {
            return set("status", status);
        }

        public ListWebhookDeliveriesQuery event(DeliveryEvent event) {
            return set("event", event);
        }

        /** Maximum number of records on the page. A page may have fewer although more records follow */
        public ListWebhookDeliveriesQuery pageSize(Long pageSize) {
            return set("pageSize", pageSize);
        }

        /** <code>pagination.next</code> of the previous page */
        public ListWebhookDeliveriesQuery pageToken(String pageToken) {
            return set("pageToken", pageToken);
        }
    }

    /** What {@link #listWebhooks} is filtered by. */
    public static final class ListWebhooksQuery extends Query<ListWebhooksQuery> {
        /** Maximum number of records on the page. A page may have fewer although more records follow */
        public ListWebhooksQuery pageSize(Long pageSize) {
            return set("pageSize", pageSize);
        }

        /** <code>pagination.next</code> of the previous page */
        public ListWebhooksQuery pageToken(String pageToken) {
            return set("pageToken", pageToken);
        }
    }
}
