import { createHmac, timingSafeEqual } from "node:crypto";
import { WebhookVerificationError } from "./errors.js";

const TOLERANCE_S = 300;

/** The message that a webhook gets. `data` depends on the type. With the envelope `cloudevents` it is a CloudEvent. */
export interface WebhookEvent {
  type: string;
  timestamp?: string;
  data: unknown;
}

/** Headers as Node gives them, or as `fetch` does. */
export type WebhookHeaders = Headers | Record<string, string | string[] | undefined>;

/** Verifies the requests of one webhook, by Standard Webhooks: https://www.standardwebhooks.com. */
export class WebhookVerifier {
  readonly #key: Buffer;
  readonly #tolerance: number;

  /** `secret`: as Bellwire showed it, `whsec_` and base64. `tolerance`: seconds by which a request's time may differ. */
  constructor(secret: string, { tolerance = TOLERANCE_S }: { tolerance?: number } = {}) {
    const encoded = secret.replace(/^whsec_/, "");
    this.#key = Buffer.from(encoded, "base64");
    this.#tolerance = tolerance;
    // Node ignores characters that are not base64, and would verify with another key.
    if (this.#key.length === 0 || this.#key.toString("base64") !== encoded) {
      throw new TypeError("secret must be whsec_ and base64, as Bellwire showed it");
    }
  }

  /** The event of a request. `body` is the request's body before anything parsed it. */
  verify(body: string | Uint8Array, headers: WebhookHeaders): WebhookEvent {
    const id = required(headers, "webhook-id");
    const timestamp = required(headers, "webhook-timestamp");
    const signatures = required(headers, "webhook-signature");

    if (!/^\d+$/.test(timestamp)) {
      throw new WebhookVerificationError("webhook-timestamp must be Unix seconds");
    }
    if (Math.abs(Date.now() / 1000 - Number(timestamp)) > this.#tolerance) {
      const text = `webhook-timestamp differs by more than ${this.#tolerance} s: the request is old, or a clock is wrong`;
      throw new WebhookVerificationError(text);
    }

    const signature = createHmac("sha256", this.#key).update(`${id}.${timestamp}.`).update(body).digest("base64");
    const expected = Buffer.from(`v1,${signature}`);
    // After a rotation of the secret there are two.
    const given = signatures.split(" ").map((each) => Buffer.from(each));
    if (!given.some((each) => each.length === expected.length && timingSafeEqual(each, expected))) {
      throw new WebhookVerificationError("no signature matches: the secret is of another webhook, or the body changed");
    }
    return JSON.parse(typeof body === "string" ? body : Buffer.from(body).toString()) as WebhookEvent;
  }
}

/** Finds a header in any letter case: some frameworks keep the case in which it arrived. */
function lookUp(headers: Record<string, string | string[] | undefined>, name: string): string | string[] | undefined {
  const found = Object.keys(headers).find((each) => each.toLowerCase() === name);
  return found === undefined ? undefined : headers[found];
}

function required(headers: WebhookHeaders, name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : lookUp(headers, name);
  if (typeof value !== "string") {
    throw new WebhookVerificationError(`the header ${name} is missing`);
  }
  return value;
}
