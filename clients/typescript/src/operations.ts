// Made from /openapi.json by `make clients-generated`: do not edit.
import type {
  AcceptedOperation,
  AcceptedResource,
  App,
  CanceledOperations,
  CancelRequest,
  CreatedKey,
  Credential,
  CredentialRequest,
  CredentialTest,
  DefaultRequest,
  DeliveryAttempt,
  DeviceRegistration,
  DeviceTagsRequest,
  ErrorTotals,
  FullPushNotification,
  Key,
  KeyRequest,
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
  User,
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

  /** Cancels what is not settled of all Operations that have these tags, up to 1,000 (extension). */
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
  createKey(request: KeyRequest): Promise<CreatedKey> {
    return this.transport.call({ method: "POST", path: path`/v1/PushNotifications/Keys`, body: request });
  }

  /**
   * Stores a webhook (extension). The answer alone shows its secret; a repeat under the same Idempotency-Key does
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

  /** Deletes a User with its devices. Notifications queued for it become unaddressable. */
  deleteUser(id: string): Promise<void> {
    return this.transport.call({ method: "DELETE", path: path`/v1/PushNotifications/Users/${id}` });
  }

  /** Deletes a webhook with its deliveries (extension). */
  deleteWebhook(id: string): Promise<void> {
    return this.transport.call({ method: "DELETE", path: path`/v1/PushNotifications/Webhooks/${id}` });
  }

  /**
   * The outcome of every recipient, in the order of the request: as NDJSON, or as CSV if `Accept` asks for
   * `text/csv` (extension).
   */
  exportOperationResults(id: string): AsyncGenerator<OperationResult> {
    return this.transport.lines(path`/v1/PushNotifications/Operations/${id}/Results`);
  }

  /** One App. */
  fetchApp(name: string): Promise<App> {
    return this.transport.call({ method: "GET", path: path`/v1/PushNotifications/Apps/${name}` });
  }

  /** One Credential. */
  fetchCredential(id: string): Promise<Credential> {
    return this.transport.call({ method: "GET", path: path`/v1/PushNotifications/Credentials/${id}` });
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

  /** Credentials, newest first. */
  listCredentials(query: QueryOf<"listCredentials"> = {}): Pager<Credential> {
    return new Pager(this.transport, path`/v1/PushNotifications/Credentials`, query, "credentials");
  }

  /** A notification's delivery attempts, first to last (extension). */
  listDeliveryAttempts(id: string, query: QueryOf<"listDeliveryAttempts"> = {}): Pager<DeliveryAttempt> {
    return new Pager(this.transport, path`/v1/PushNotifications/${id}/DeliveryAttempts`, query, "deliveryAttempts");
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

  /** Stops to send an Operation until it is resumed (extension). */
  pauseOperation(id: string, options: ChangeOptions = {}): Promise<AcceptedOperation> {
    return this.transport.call({
      method: "POST",
      path: path`/v1/PushNotifications/Operations/${id}/Pause`,
      idempotencyKey: options.idempotencyKey ?? true,
    });
  }

  /** Shows the requests to FCM and APNs that a send would cause, and sends nothing (extension). */
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

  /** Removes one device of a registration (extension). The registration goes with its last device. */
  removeDevice(id: string, deviceId: string): Promise<void> {
    return this.transport.call({
      method: "DELETE",
      path: path`/v1/PushNotifications/DeviceRegistrations/${id}/Devices/${deviceId}`,
    });
  }

  /** Removes the device that has a token, which is a secret and so is not part of an address (extension). */
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

  /** Sends a message again, whatever became of it (extension). It has the same `webhook-id`. */
  resendWebhookDelivery(id: string, deliveryId: string, options: ChangeOptions = {}): Promise<AcceptedResource> {
    return this.transport.call({
      method: "POST",
      path: path`/v1/PushNotifications/Webhooks/${id}/Deliveries/${deliveryId}/Resend`,
      idempotencyKey: options.idempotencyKey ?? true,
    });
  }

  /** Goes on sending a paused Operation (extension). */
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
  rotateKey(key: string, request: RotateRequest): Promise<CreatedKey> {
    return this.transport.call({ method: "POST", path: path`/v1/PushNotifications/Keys/${key}/Rotate`, body: request });
  }

  /**
   * Gives a webhook a new secret (extension). For 24 hours, requests to it have a signature of the secret before,
   * too. The answer alone shows the new secret; a repeat under the same Idempotency-Key does not.
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

  /** Takes what an app reports of up to 100 messages, without an API key (extension). */
  sendReceipts(request: ReceiptsRequest): Promise<void> {
    return this.transport.call({ method: "POST", path: path`/v1/Receipts`, body: request });
  }

  /** Tries a Credential with its provider, and delivers nothing (extension). */
  testCredential(id: string): Promise<CredentialTest> {
    return this.transport.call({ method: "POST", path: path`/v1/PushNotifications/Credentials/${id}/Test` });
  }

  /** Sends a message to a webhook, to try its receiver (extension). Its event is `webhook.test`. */
  testWebhook(id: string, options: ChangeOptions = {}): Promise<AcceptedResource> {
    return this.transport.call({
      method: "POST",
      path: path`/v1/PushNotifications/Webhooks/${id}/Test`,
      idempotencyKey: options.idempotencyKey ?? true,
    });
  }

  /** Makes an App the default: a send that names no sender uses its Credentials. */
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
  updateOperation(id: string, request: OperationChangeRequest): Promise<AcceptedOperation> {
    return this.transport.call({ method: "PATCH", path: path`/v1/PushNotifications/Operations/${id}`, body: request });
  }

  /**
   * Changes what is known of a User beside its devices (extension). A field that is absent stays as it is; `null`
   * clears it.
   */
  updateUser(id: string, request: UserRequest): Promise<AcceptedResource> {
    return this.transport.call({ method: "PUT", path: path`/v1/PushNotifications/Users/${id}`, body: request });
  }

  /**
   * Changes a webhook (extension). A field that is absent stays as it is; `null` takes away `appName`, `tags` and
   * `description`.
   */
  updateWebhook(id: string, request: WebhookChangeRequest): Promise<AcceptedResource> {
    return this.transport.call({ method: "PATCH", path: path`/v1/PushNotifications/Webhooks/${id}`, body: request });
  }
}
