// Made from /openapi.json by `make clients-generated`: do not edit.
import type {
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
  DefaultRequest,
  DeliveryAttempt,
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
  PreviewList,
  PushNotification,
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
} from "./models.js";
import type { operations } from "./openapi.js";
import { Pager } from "./pager.js";
import { path, type Transport } from "./transport.js";

type QueryOf<Id extends keyof operations> = NonNullable<operations[Id]["parameters"]["query"]>;

/** Options of a request that changes something. */
export interface ChangeOptions {
  /** Within 24 hours, a second request of this key and the same content gets the first answer and changes nothing. */
  idempotencyKey?: string;
}

/** Every operation of the API. */
export class Operations {
  protected readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  /** Cancels an Operation's notifications that are not settled (extension). */
  cancelOperation(id: string, options: ChangeOptions = {}): Promise<AcceptedOperation> {
    return this.transport.call({
      method: "POST",
      path: path`/v1/PushNotifications/Operations/${id}/Cancel`,
      idempotencyKey: options.idempotencyKey ?? true,
    });
  }

  /**
   * Cancels the unsettled notifications of all Operations that have these tags, up to 1,000 Operations
   * (extension).
   */
  cancelOperations(request: CancelRequest): Promise<CanceledOperations> {
    return this.transport.call({ method: "POST", path: path`/v1/PushNotifications/Operations/Cancel`, body: request });
  }

  /** Cancels one notification (extension). */
  cancelPushNotification(id: string, options: ChangeOptions = {}): Promise<AcceptedOperation> {
    return this.transport.call({
      method: "POST",
      path: path`/v1/PushNotifications/${id}/Cancel`,
      idempotencyKey: options.idempotencyKey ?? true,
    });
  }

  /** Stores a Credential. The first one of an App creates the App. */
  createCredential(request: CredentialRequest, options: ChangeOptions = {}): Promise<AcceptedResource> {
    return this.transport.call({
      method: "POST",
      path: path`/v1/PushNotifications/Credentials`,
      body: request,
      idempotencyKey: options.idempotencyKey ?? true,
    });
  }

  /** Creates an API key (extension). Its secret is shown once, so the request takes no Idempotency-Key. */
  createKey(request?: KeyRequest): Promise<CreatedKey> {
    return this.transport.call({ method: "POST", path: path`/v1/PushNotifications/Keys`, body: request });
  }

  /** Stores a template (extension). */
  createTemplate(request: TemplateRequest, options: ChangeOptions = {}): Promise<Template> {
    return this.transport.call({
      method: "POST",
      path: path`/v1/PushNotifications/Templates`,
      body: request,
      idempotencyKey: options.idempotencyKey ?? true,
    });
  }

  /**
   * Stores a webhook (extension). Only this answer shows its secret; a repeat under the same Idempotency-Key does
   * not.
   */
  createWebhook(request: WebhookRequest, options: ChangeOptions = {}): Promise<WebhookWithSecret> {
    return this.transport.call({
      method: "POST",
      path: path`/v1/PushNotifications/Webhooks`,
      body: request,
      idempotencyKey: options.idempotencyKey ?? true,
    });
  }

  /** Deletes a Credential. Notifications queued with it fail. */
  deleteCredential(id: string): Promise<void> {
    return this.transport.call({ method: "DELETE", path: path`/v1/PushNotifications/Credentials/${id}` });
  }

  /** Deletes a registration with its devices. */
  deleteDeviceRegistration(id: string): Promise<void> {
    return this.transport.call({ method: "DELETE", path: path`/v1/PushNotifications/DeviceRegistrations/${id}` });
  }

  /** Deletes a template with its versions (extension). Sends that were accepted with it keep their content. */
  deleteTemplate(id: string): Promise<void> {
    return this.transport.call({ method: "DELETE", path: path`/v1/PushNotifications/Templates/${id}` });
  }

  /** Deletes a User with its devices. Notifications queued for it become unaddressable. */
  deleteUser(id: string, query: QueryOf<"deleteUser"> = {}): Promise<void> {
    return this.transport.call({ method: "DELETE", path: path`/v1/PushNotifications/Users/${id}`, query });
  }

  /** Deletes a webhook with its deliveries (extension). */
  deleteWebhook(id: string): Promise<void> {
    return this.transport.call({ method: "DELETE", path: path`/v1/PushNotifications/Webhooks/${id}` });
  }

  /** Counts the Users and devices of an audience (extension). A large one is estimated from a sample. */
  estimateAudience(request: EstimateRequest): Promise<Estimate> {
    return this.transport.call({ method: "POST", path: path`/v1/PushNotifications/Audiences/Estimate`, body: request });
  }

  /**
   * Every device with its User, as NDJSON, or as CSV if `Accept` asks for `text/csv` (extension). Tokens are
   * masked, unless a key with the role `FULL` asks for them.
   */
  exportDevices(query: QueryOf<"exportDevices"> = {}): AsyncGenerator<ExportedDevice> {
    return this.transport.lines(path`/v1/PushNotifications/DeviceRegistrations/Export`, query);
  }

  /**
   * The outcome of every recipient, in the order of the request: as NDJSON, or as CSV if `Accept` asks for
   * `text/csv` (extension).
   */
  exportOperationResults(id: string): AsyncGenerator<OperationResult> {
    return this.transport.lines(path`/v1/PushNotifications/Operations/${id}/Results`);
  }

  /**
   * All data about a User (extension): a line of NDJSON for the User, each device, and each notification on record
   * with its attempts. Tokens are masked, unless a key with the role `FULL` asks for them.
   */
  exportUserData(id: string, query: QueryOf<"exportUserData"> = {}): AsyncGenerator<UserDataLine> {
    return this.transport.lines(path`/v1/PushNotifications/Users/${id}/Data`, query);
  }

  /** The settings of the account (extension). */
  fetchAccount(): Promise<Account> {
    return this.transport.call({ method: "GET", path: path`/v1/PushNotifications/Account` });
  }

  /** One App. */
  fetchApp(name: string): Promise<App> {
    return this.transport.call({ method: "GET", path: path`/v1/PushNotifications/Apps/${name}` });
  }

  /** One Credential. */
  fetchCredential(id: string): Promise<Credential> {
    return this.transport.call({ method: "GET", path: path`/v1/PushNotifications/Credentials/${id}` });
  }

  /** One import of devices, with its progress (extension). */
  fetchDeviceImport(id: string): Promise<DeviceImport> {
    return this.transport.call({ method: "GET", path: path`/v1/PushNotifications/DeviceRegistrations/Imports/${id}` });
  }

  /** One registration. */
  fetchDeviceRegistration(id: string): Promise<DeviceRegistration> {
    return this.transport.call({ method: "GET", path: path`/v1/PushNotifications/DeviceRegistrations/${id}` });
  }

  /** How many of an account's notifications failed with each code (extension). */
  fetchErrorTotals(query: QueryOf<"fetchErrorTotals"> = {}): Promise<ErrorTotals> {
    return this.transport.call({ method: "GET", path: path`/v1/PushNotifications/ErrorTotals`, query });
  }

  /** One API key (extension). */
  fetchKey(key: string): Promise<Key> {
    return this.transport.call({ method: "GET", path: path`/v1/PushNotifications/Keys/${key}` });
  }

  /** One Operation. */
  fetchOperation(id: string, query: QueryOf<"fetchOperation"> = {}): Promise<Operation> {
    return this.transport.call({ method: "GET", path: path`/v1/PushNotifications/Operations/${id}`, query });
  }

  /** How many of an Operation's notifications failed with each code (extension). */
  fetchOperationErrorTotals(id: string): Promise<ErrorTotals> {
    return this.transport.call({ method: "GET", path: path`/v1/PushNotifications/Operations/${id}/ErrorTotals` });
  }

  /** One notification with its content. */
  fetchPushNotification(id: string): Promise<FullPushNotification> {
    return this.transport.call({ method: "GET", path: path`/v1/PushNotifications/${id}` });
  }

  /** One template in its newest version (extension). */
  fetchTemplate(id: string): Promise<Template> {
    return this.transport.call({ method: "GET", path: path`/v1/PushNotifications/Templates/${id}` });
  }

  /** One User. */
  fetchUser(id: string): Promise<User> {
    return this.transport.call({ method: "GET", path: path`/v1/PushNotifications/Users/${id}` });
  }

  /** One webhook (extension). */
  fetchWebhook(id: string): Promise<Webhook> {
    return this.transport.call({ method: "GET", path: path`/v1/PushNotifications/Webhooks/${id}` });
  }

  /** One message to a webhook (extension). */
  fetchWebhookDelivery(id: string, deliveryId: string): Promise<WebhookDelivery> {
    return this.transport.call({
      method: "GET",
      path: path`/v1/PushNotifications/Webhooks/${id}/Deliveries/${deliveryId}`,
    });
  }

  /** Apps, by name. */
  listApps(query: QueryOf<"listApps"> = {}): Pager<App> {
    return new Pager(this.transport, path`/v1/PushNotifications/Apps`, query, "apps");
  }

  /** Changes of the account, newest first (extension). */
  listAuditEvents(query: QueryOf<"listAuditEvents"> = {}): Pager<AuditEvent> {
    return new Pager(this.transport, path`/v1/PushNotifications/AuditEvents`, query, "auditEvents");
  }

  /** Credentials, newest first. */
  listCredentials(query: QueryOf<"listCredentials"> = {}): Pager<Credential> {
    return new Pager(this.transport, path`/v1/PushNotifications/Credentials`, query, "credentials");
  }

  /** A notification's delivery attempts, first to last (extension). */
  listDeliveryAttempts(id: string, query: QueryOf<"listDeliveryAttempts"> = {}): Pager<DeliveryAttempt> {
    return new Pager(this.transport, path`/v1/PushNotifications/${id}/DeliveryAttempts`, query, "deliveryAttempts");
  }

  /** The problems with the rows of an import, by line (extension). At most 10,000 errors are kept. */
  listDeviceImportErrors(id: string, query: QueryOf<"listDeviceImportErrors"> = {}): Pager<ImportError> {
    return new Pager(
      this.transport,
      path`/v1/PushNotifications/DeviceRegistrations/Imports/${id}/Errors`,
      query,
      "errors",
    );
  }

  /** Imports of devices, newest first (extension). */
  listDeviceImports(query: QueryOf<"listDeviceImports"> = {}): Pager<DeviceImport> {
    return new Pager(this.transport, path`/v1/PushNotifications/DeviceRegistrations/Imports`, query, "imports");
  }

  /** The registrations of a User, newest first. */
  listDeviceRegistrations(query: QueryOf<"listDeviceRegistrations">): Pager<DeviceRegistration> {
    return new Pager(this.transport, path`/v1/PushNotifications/DeviceRegistrations`, query, "deviceRegistrations");
  }

  /** API keys of the account, by user name (extension). */
  listKeys(query: QueryOf<"listKeys"> = {}): Pager<Key> {
    return new Pager(this.transport, path`/v1/PushNotifications/Keys`, query, "keys");
  }

  /** An Operation's errors, in the order of its request (extension). */
  listOperationErrors(id: string, query: QueryOf<"listOperationErrors"> = {}): Pager<OperationError> {
    return new Pager(this.transport, path`/v1/PushNotifications/Operations/${id}/Errors`, query, "errors");
  }

  /** Operations, newest first. With a filter that few match, a page may be short or empty although others follow. */
  listOperations(query: QueryOf<"listOperations"> = {}): Pager<Operation> {
    return new Pager(this.transport, path`/v1/PushNotifications/Operations`, query, "operations");
  }

  /**
   * Notifications: those of the newest Operation first; within an Operation, in the order of its request. With a
   * filter that few match, a page may be short or empty although others follow.
   */
  listPushNotifications(query: QueryOf<"listPushNotifications"> = {}): Pager<PushNotification> {
    return new Pager(this.transport, path`/v1/PushNotifications`, query, "pushNotifications");
  }

  /** The versions of a template that are kept, newest first (extension). */
  listTemplateVersions(id: string, query: QueryOf<"listTemplateVersions"> = {}): Pager<TemplateVersion> {
    return new Pager(this.transport, path`/v1/PushNotifications/Templates/${id}/Versions`, query, "versions");
  }

  /** Templates in their newest versions, newest first (extension). */
  listTemplates(query: QueryOf<"listTemplates"> = {}): Pager<Template> {
    return new Pager(this.transport, path`/v1/PushNotifications/Templates`, query, "templates");
  }

  /** Users, newest first. */
  listUsers(query: QueryOf<"listUsers"> = {}): Pager<User> {
    return new Pager(this.transport, path`/v1/PushNotifications/Users`, query, "users");
  }

  /** Messages to a webhook, newest first (extension). */
  listWebhookDeliveries(id: string, query: QueryOf<"listWebhookDeliveries"> = {}): Pager<WebhookDelivery> {
    return new Pager(this.transport, path`/v1/PushNotifications/Webhooks/${id}/Deliveries`, query, "deliveries");
  }

  /** Webhooks, newest first (extension). */
  listWebhooks(query: QueryOf<"listWebhooks"> = {}): Pager<Webhook> {
    return new Pager(this.transport, path`/v1/PushNotifications/Webhooks`, query, "webhooks");
  }

  /**
   * Merges a User into another, the target (extension). The target gets its devices, and those fields of its
   * profile that the target lacks. The target's id finds the records of both. A repeat changes nothing.
   */
  mergeUser(id: string, request: MergeRequest, options: ChangeOptions = {}): Promise<AcceptedResource> {
    return this.transport.call({
      method: "POST",
      path: path`/v1/PushNotifications/Users/${id}/Merge`,
      body: request,
      idempotencyKey: options.idempotencyKey ?? true,
    });
  }

  /** Stops sending an Operation until it is resumed (extension). */
  pauseOperation(id: string, options: ChangeOptions = {}): Promise<AcceptedOperation> {
    return this.transport.call({
      method: "POST",
      path: path`/v1/PushNotifications/Operations/${id}/Pause`,
      idempotencyKey: options.idempotencyKey ?? true,
    });
  }

  /** Shows the requests to FCM and APNs that a send would cause, without sending them (extension). */
  previewPushNotifications(request: SendRequest): Promise<PreviewList> {
    return this.transport.call({ method: "POST", path: path`/v1/PushNotifications/Preview`, body: request });
  }

  /**
   * Registers a device, for the User that the request names by `userId` or `externalId`; else for the one who has
   * the token, or a new one.
   */
  registerDevice(request: RegisterRequest, options: ChangeOptions = {}): Promise<RegisteredDevice> {
    return this.transport.call({
      method: "POST",
      path: path`/v1/PushNotifications/DeviceRegistrations`,
      body: request,
      idempotencyKey: options.idempotencyKey ?? true,
    });
  }

  /** Removes one device of a registration (extension). Removing the last device deletes the registration. */
  removeDevice(id: string, deviceId: string): Promise<void> {
    return this.transport.call({
      method: "DELETE",
      path: path`/v1/PushNotifications/DeviceRegistrations/${id}/Devices/${deviceId}`,
    });
  }

  /** Removes the device that has a token (extension). The token is in the body, because it is a secret. */
  removeDeviceByToken(request: RemoveRequest, options: ChangeOptions = {}): Promise<void> {
    return this.transport.call({
      method: "POST",
      path: path`/v1/PushNotifications/DeviceRegistrations/Remove`,
      body: request,
      idempotencyKey: options.idempotencyKey ?? true,
    });
  }

  /** Sends the failed notifications of an Operation again, as a new Operation (extension). */
  resendOperation(id: string, request?: ResendRequest, options: ChangeOptions = {}): Promise<AcceptedOperation> {
    return this.transport.call({
      method: "POST",
      path: path`/v1/PushNotifications/Operations/${id}/Resend`,
      body: request,
      idempotencyKey: options.idempotencyKey ?? true,
    });
  }

  /** Sends a message again, whether it was delivered or not (extension). It has the same `webhook-id`. */
  resendWebhookDelivery(id: string, deliveryId: string, options: ChangeOptions = {}): Promise<AcceptedResource> {
    return this.transport.call({
      method: "POST",
      path: path`/v1/PushNotifications/Webhooks/${id}/Deliveries/${deliveryId}/Resend`,
      idempotencyKey: options.idempotencyKey ?? true,
    });
  }

  /** Continues sending a paused Operation (extension). */
  resumeOperation(id: string, options: ChangeOptions = {}): Promise<AcceptedOperation> {
    return this.transport.call({
      method: "POST",
      path: path`/v1/PushNotifications/Operations/${id}/Resume`,
      idempotencyKey: options.idempotencyKey ?? true,
    });
  }

  /** Revokes an API key (extension). Its next request is refused. */
  revokeKey(key: string): Promise<void> {
    return this.transport.call({ method: "DELETE", path: path`/v1/PushNotifications/Keys/${key}` });
  }

  /**
   * Creates a key in place of another one, which works for the overlap (extension). The new key has its role, name
   * and note.
   */
  rotateKey(key: string, request?: RotateRequest): Promise<CreatedKey> {
    return this.transport.call({ method: "POST", path: path`/v1/PushNotifications/Keys/${key}/Rotate`, body: request });
  }

  /**
   * Gives a webhook a new secret (extension). For 24 hours, requests to it also have a signature with the previous
   * secret. Only this answer shows the new secret; a repeat under the same Idempotency-Key does not.
   */
  rotateWebhookSecret(id: string, options: ChangeOptions = {}): Promise<WebhookWithSecret> {
    return this.transport.call({
      method: "POST",
      path: path`/v1/PushNotifications/Webhooks/${id}/RotateSecret`,
      idempotencyKey: options.idempotencyKey ?? true,
    });
  }

  /** Sends a message to devices and Users, or to an audience. */
  sendPushNotifications(request: SendRequest, options: ChangeOptions = {}): Promise<AcceptedOperation> {
    return this.transport.call({
      method: "POST",
      path: path`/v1/PushNotifications`,
      body: request,
      idempotencyKey: options.idempotencyKey ?? true,
    });
  }

  /**
   * Records that messages were delivered, opened or dismissed, for up to 100 receipts of an app (extension). Needs
   * no API key.
   */
  sendReceipts(request: ReceiptsRequest): Promise<void> {
    return this.transport.call({ method: "POST", path: path`/v1/Receipts`, body: request });
  }

  /** Tests a Credential with its provider, without delivering anything (extension). */
  testCredential(id: string): Promise<CredentialTest> {
    return this.transport.call({ method: "POST", path: path`/v1/PushNotifications/Credentials/${id}/Test` });
  }

  /** Sends a test message to a webhook (extension). Its event is `webhook.test`. */
  testWebhook(id: string, options: ChangeOptions = {}): Promise<AcceptedResource> {
    return this.transport.call({
      method: "POST",
      path: path`/v1/PushNotifications/Webhooks/${id}/Test`,
      idempotencyKey: options.idempotencyKey ?? true,
    });
  }

  /** Sets or removes the cap of pushes for each User of the account (extension). */
  updateAccount(request: AccountRequest): Promise<Account> {
    return this.transport.call({ method: "PUT", path: path`/v1/PushNotifications/Account`, body: request });
  }

  /** Makes an App the default: a send without `from` uses its Credentials. */
  updateApp(name: string, request: DefaultRequest): Promise<AcceptedResource> {
    return this.transport.call({ method: "PATCH", path: path`/v1/PushNotifications/Apps/${name}`, body: request });
  }

  /** Makes a Credential the default of its App and type. */
  updateCredential(id: string, request: DefaultRequest): Promise<AcceptedResource> {
    return this.transport.call({ method: "PATCH", path: path`/v1/PushNotifications/Credentials/${id}`, body: request });
  }

  /** Replaces the tags of one device (extension). */
  updateDevice(id: string, deviceId: string, request: DeviceTagsRequest): Promise<AcceptedResource> {
    return this.transport.call({
      method: "PATCH",
      path: path`/v1/PushNotifications/DeviceRegistrations/${id}/Devices/${deviceId}`,
      body: request,
    });
  }

  /** Changes when a SCHEDULED Operation is sent, or how fast an Operation is sent (extension). */
  updateOperation(
    id: string,
    request: OperationChangeRequest,
    options: ChangeOptions = {},
  ): Promise<AcceptedOperation> {
    return this.transport.call({
      method: "PATCH",
      path: path`/v1/PushNotifications/Operations/${id}`,
      body: request,
      idempotencyKey: options.idempotencyKey ?? true,
    });
  }

  /**
   * Changes a template (extension). An absent field stays as it is; `null` removes `localizations` or `defaults`.
   * A change of anything but the name makes a new version.
   */
  updateTemplate(id: string, request: TemplateChangeRequest): Promise<AcceptedResource> {
    return this.transport.call({ method: "PATCH", path: path`/v1/PushNotifications/Templates/${id}`, body: request });
  }

  /** Changes the profile of a User (extension). An absent field stays as it is; `null` clears it. */
  updateUser(id: string, request: UserRequest): Promise<AcceptedResource> {
    return this.transport.call({ method: "PUT", path: path`/v1/PushNotifications/Users/${id}`, body: request });
  }

  /**
   * Changes a webhook (extension). An absent field stays as it is; `null` removes `appName`, `tags` or
   * `description`, and makes `envelope` `standard`.
   */
  updateWebhook(id: string, request: WebhookChangeRequest): Promise<AcceptedResource> {
    return this.transport.call({ method: "PATCH", path: path`/v1/PushNotifications/Webhooks/${id}`, body: request });
  }
}
