import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { WebhookVerificationError, WebhookVerifier } from "../src/index.js";

const key = Buffer.from("0123456789abcdef");
const verifier = new WebhookVerifier(`whsec_${key.toString("base64")}`);
const body = '{"type":"webhook.test","timestamp":"2026-11-26T05:00:00Z","data":{}}';

function signed({ age = 0, with: secret = key, of = body } = {}) {
  const timestamp = String(Math.round(Date.now() / 1000) - age);
  const signature = createHmac("sha256", secret).update(`msg_1.${timestamp}.${of}`).digest("base64");
  return { "webhook-id": "msg_1", "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` };
}

test("a request of Bellwire is verified", () => {
  assert.equal(verifier.verify(body, signed()).type, "webhook.test");
  assert.equal(verifier.verify(Buffer.from(body), new Headers(signed())).type, "webhook.test");
});

test("headers are found in any letter case", () => {
  const headers = Object.entries(signed()).map(([name, value]) => [name.toUpperCase(), value]);
  assert.equal(verifier.verify(body, Object.fromEntries(headers)).type, "webhook.test");
});

test("one of several signatures suffices", () => {
  const headers = signed();
  const old = signed({ with: Buffer.from("another") })["webhook-signature"];
  verifier.verify(body, { ...headers, "webhook-signature": `${old} ${headers["webhook-signature"]}` });
});

const forged = {
  "a changed body": signed({ of: `${body} ` }),
  "another secret": signed({ with: Buffer.from("another") }),
  "an old request": signed({ age: 400 }),
  "a request of the future": signed({ age: -400 }),
  "a time that is none": { ...signed(), "webhook-timestamp": "now" },
  "a signature that is none": { ...signed(), "webhook-signature": "v1,%%%" },
  "a missing header": { ...signed(), "webhook-signature": undefined },
};
for (const [what, headers] of Object.entries(forged)) {
  test(`${what} is refused`, () => {
    assert.throws(() => verifier.verify(body, headers), WebhookVerificationError);
  });
}

test("a secret must be one", () => {
  for (const secret of ["whsec_", "whsec_%%%%", "whsec_MDEy\n", "another"]) {
    assert.throws(() => new WebhookVerifier(secret), /secret/);
  }
});
