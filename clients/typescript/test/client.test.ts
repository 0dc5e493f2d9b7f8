// Everything against a running Bellwire and its simulator, which the environment names.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { Bellwire, CompletionTimeoutError, type SendRequest } from "../src/index.js";

const client = Bellwire.fromEnvironment();

function message(...tokens: string[]): SendRequest {
  return { to: tokens.map((token) => ({ token, provider: "FCM" })), content: { title: "Hello" } };
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const read: Item[] = [];
  for await (const item of items) {
    read.push(item);
  }
  return read;
}

test("a send is followed to its end", async () => {
  const { operationId } = await client.send(message("ts-1", "ts-2", "ts~UNREGISTERED"));

  const operation = await client.waitForCompletion(operationId, { timeout: 60 });
  assert.equal(operation.status, "COMPLETED");
  assert.deepEqual([operation.stats.sent, operation.stats.failed], [2, 1]);

  const errors = await all(client.listOperationErrors(operationId));
  assert.deepEqual(
    errors.map(({ code, position }) => [code, position]),
    [["UNREGISTERED", 2]],
  );
  const results = await all(client.exportOperationResults(operationId));
  assert.deepEqual(
    results.map(({ status }) => status),
    ["SENT", "SENT", "FAILED"],
  );
});

test("a list has every record", async () => {
  const { operationId } = await client.send(message("ts-p1", "ts-p2", "ts-p3", "ts-p4", "ts-p5"));

  const pages = await all(client.listPushNotifications({ operationId, pageSize: 2 }).pages());
  assert.equal(pages.flat().length, 5);
  assert.ok(pages.length >= 3);
});

test("an error names its field", async () => {
  // @ts-expect-error: the provider does not exist.
  const wrong = client.send({ to: [{ token: "a", provider: "GCM" }], content: {} });
  await assert.rejects(wrong, { name: "ApiError", status: 400, code: 400, field: "to[0].provider", message: /GCM/ });
});

test("one key is one send", async () => {
  const options = { idempotencyKey: randomUUID() };
  const first = await client.send(message("ts-key"), options);
  assert.deepEqual(await client.send(message("ts-key"), options), first);
  await assert.rejects(client.send(message("ts-other"), options), { status: 409 });
});

test("a device is registered and its User is reached", async () => {
  const device = { appName: "demo", token: `ts-${randomUUID()}`, provider: "FCM" as const };
  const { userId, resourceId } = await client.registerDevice(device);
  const registrations = await all(client.listDeviceRegistrations({ userId }));
  assert.deepEqual(
    registrations.map(({ id }) => id),
    [resourceId],
  );

  const request = { to: [{ userId }], content: { title: "Hello" }, from: { appName: "demo" } };
  assert.ok((await client.validate(request)).valid);
  const operation = await client.waitForCompletion((await client.send(request)).operationId);
  assert.equal(operation.stats.sent, 1);
  await client.deleteUser(userId);
});

test("waiting ends", async () => {
  const { operationId } = await client.send(message("ts~UNAVAILABLE"));
  await assert.rejects(client.waitForCompletion(operationId, { timeout: 1 }), CompletionTimeoutError);
  await client.cancelOperation(operationId);
});
