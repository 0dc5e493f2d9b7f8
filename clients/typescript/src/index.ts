export { Bellwire, type BellwireOptions } from "./client.js";
export {
  ApiError,
  BellwireError,
  CompletionTimeoutError,
  ConnectionError,
  type Problem,
  WebhookVerificationError,
} from "./errors.js";
export type * from "./models.js";
export type { ChangeOptions } from "./operations.js";
export type { Pager } from "./pager.js";
export { type WebhookEvent, type WebhookHeaders, WebhookVerifier } from "./webhook.js";
