// @parse/node-apn: sends 100 messages, and meets three errors.
import assert from "node:assert/strict";
import apn from "@parse/node-apn";

const keys = process.env.SIMULATOR_KEYS;

function provider(key) {
  return new apn.Provider({ token: { key, keyId: "DEMOKEY001", teamId: "DEMOTEAM01" }, production: true });
}

function notification() {
  return new apn.Notification({ topic: "com.example.demo", pushType: "alert", alert: { title: "Hello" } });
}

async function reason(client, token) {
  const { failed } = await client.send(notification(), token);
  assert.equal(failed.length, 1, `${token} is refused`);
  return failed[0].response?.reason;
}

const client = provider(`${keys}/AuthKey_DEMOKEY001.p8`);
const tokens = Array.from({ length: 100 }, (_, index) => `a1${String(index).padStart(62, "0")}`);
const { sent, failed } = await client.send(notification(), tokens);
assert.deepEqual(failed, []);
assert.equal(sent.length, 100);

assert.equal(await reason(client, "0410".padEnd(64, "0")), "Unregistered");
assert.equal(await reason(client, "0400".padEnd(64, "0")), "BadDeviceToken");
await client.shutdown();

const stranger = provider(`${keys}/wrong.p8`);
assert.equal(await reason(stranger, "a1".padEnd(64, "0")), "InvalidProviderToken");
await stranger.shutdown();

console.log("@parse/node-apn: sent 100, met 3 errors");
