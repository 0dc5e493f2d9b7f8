import { CompletionTimeoutError } from "./errors.js";
import type { AcceptedOperation, Operation, SendRequest, Validation } from "./models.js";
import { type ChangeOptions, Operations } from "./operations.js";
import { Transport } from "./transport.js";

/** How long one request waits for an Operation, in seconds. */
const WAIT_S = 30;

export interface BellwireOptions {
  /** Bellwire's address, without a path. */
  url: string;
  key: string;
  secret: string;
  /** For how many seconds a request is repeated; 60 if absent. */
  retryFor?: number;
  /** In place of the global `fetch`, for a proxy or certificates. */
  fetch?: typeof fetch;
}

/**
 * A client of one Bellwire and one account.
 *
 * A request is repeated for up to `retryFor` seconds if Bellwire can't be reached, or answers that it can't take it now.
 * A POST carries an Idempotency-Key then, so that it is carried out once.
 */
export class Bellwire extends Operations {
  constructor({ url, key, secret, retryFor = 60, fetch = globalThis.fetch }: BellwireOptions) {
    super(new Transport(url, key, secret, retryFor, fetch));
  }

  /** From BELLWIRE_URL, BELLWIRE_KEY and BELLWIRE_SECRET. */
  static fromEnvironment(): Bellwire {
    return new Bellwire({
      url: variable("BELLWIRE_URL"),
      key: variable("BELLWIRE_KEY"),
      secret: variable("BELLWIRE_SECRET"),
    });
  }

  /** Sends to up to 10,000 recipients, or to an audience. */
  send(request: Omit<SendRequest, "validateOnly">, options: ChangeOptions = {}): Promise<AcceptedOperation> {
    return this.sendPushNotifications(request, options);
  }

  /** Checks a send, and stores nothing. */
  validate(request: Omit<SendRequest, "validateOnly">): Promise<Validation> {
    const body = { ...request, validateOnly: true };
    return this.transport.call({ method: "POST", path: "/v1/PushNotifications", body, idempotencyKey: true });
  }

  /**
   * The Operation, as soon as all of it is sent, failed or canceled. Throws `CompletionTimeoutError` after `timeout`
   * seconds; without it, waits as long as the Operation takes.
   */
  async waitForCompletion(id: string, { timeout }: { timeout?: number } = {}): Promise<Operation> {
    const end = timeout === undefined ? Number.POSITIVE_INFINITY : Date.now() + timeout * 1000;
    for (;;) {
      const left = Math.max(1, Math.min(WAIT_S, Math.round((end - Date.now()) / 1000)));
      const operation = await this.fetchOperation(id, { wait: `${left}s` });
      if (operation.status === "COMPLETED" || operation.status === "CANCELED") {
        return operation;
      }
      if (Date.now() >= end) {
        throw new CompletionTimeoutError(`${id} is ${operation.status} after ${timeout} s`);
      }
    }
  }
}

function variable(name: string): string {
  const value = process.env[name];
  if (!value) {
    throw new TypeError(`${name} is not set`);
  }
  return value;
}
