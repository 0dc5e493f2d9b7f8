// Retries and pages, against a server that answers as a test says.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, test } from "node:test";
import { ApiError, Bellwire, ConnectionError } from "../src/index.js";
import { retryAfter } from "../src/transport.js";

interface Answer {
  status: number;
  headers?: Record<string, string>;
  body: unknown;
}

const accepted: Answer = { status: 202, body: { operationId: "comms_operation_1", operationLocation: "/1" } };
const message = { to: [{ token: "a", provider: "FCM" as const }], content: { body: "Hello" } };

/** What the server answers, in turn; `lost`: it closes the connection instead. */
let answers: (Answer | "lost")[];
let requests: { url: string | undefined; key: string | string[] | undefined }[];
let client: Bellwire;

const server = createServer(async (request, response) => {
  for await (const _ of request);
  requests.push({ url: request.url, key: request.headers["idempotency-key"] });
  const answer = answers.shift();
  if (answer === undefined || answer === "lost") {
    request.socket.destroy();
    return;
  }
  response.writeHead(answer.status, answer.headers).end(JSON.stringify(answer.body));
});

beforeEach(async () => {
  answers = [];
  requests = [];
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  client = new Bellwire({ url: `http://127.0.0.1:${port}`, key: "key", secret: "secret", retryFor: 5 });
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function refusal(status: number, headers: Record<string, string> = {}): Answer {
  return { status, headers, body: { code: status, message: "Not now", status } };
}

test("a refused or lost POST is repeated with its key", async () => {
  const now = { "Retry-After": "0" };
  answers = [refusal(503, now), "lost", refusal(429, now), accepted];

  assert.equal((await client.send(message)).operationId, "comms_operation_1");
  assert.equal(requests.length, 4);
  assert.equal(new Set(requests.map(({ key }) => key)).size, 1);
  assert.match(String(requests[0]?.key), /^[0-9a-f-]{36}$/);
});

test("a POST without a key is not repeated after a lost answer", async () => {
  answers = ["lost", accepted];

  await assert.rejects(client.createKey({}), ConnectionError);
  assert.equal(requests.length, 1);
});

test("a defect and a wrong request are not repeated", async () => {
  for (const status of [500, 400, 409]) {
    answers = [refusal(status)];
    await assert.rejects(client.fetchUser("u"), { name: "ApiError", status, message: "Not now" });
  }
});

test("a delay beyond the limit ends the retries", async () => {
  answers = [refusal(429, { "Retry-After": "600" })];
  await assert.rejects(client.fetchUser("u"), ApiError);
});

test("an answer of a proxy is an error too", async () => {
  answers = [{ status: 404, body: "no such host" }];
  await assert.rejects(client.fetchUser("a/b"), { code: 404 });
  assert.match(String(requests[0]?.url), /\/Users\/a%2Fb$/);
});

test("only null ends a list", async () => {
  const page = (ids: string[], next: string | null) => ({
    status: 200,
    body: { users: ids.map((id) => ({ id })), pagination: { self: "x", next } },
  });
  answers = [page(["1"], "a"), page([], "b"), page(["2", "3"], null)];

  const users = await client.listUsers({ pageSize: 2 }).all();
  assert.deepEqual(
    users.map(({ id }) => id),
    ["1", "2", "3"],
  );
  const queries = requests.map(({ url }) => url?.split("?")[1]);
  assert.deepEqual(queries, ["pageSize=2", "pageSize=2&pageToken=a", "pageSize=2&pageToken=b"]);
});

test("a Retry-After is seconds or a date", () => {
  assert.equal(retryAfter("3"), 3000);
  assert.equal(retryAfter("Mon, 01 Jan 2024 00:00:00 GMT"), 0);
  assert.equal(retryAfter("soon"), undefined);
  assert.equal(retryAfter(null), undefined);
});
