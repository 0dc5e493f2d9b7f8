// firebase-admin for Node: sends 100 messages, and meets three errors.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { cert, deleteApp, initializeApp } from "firebase-admin/app";
import { getMessaging } from "firebase-admin/messaging";

const keys = process.env.SIMULATOR_KEYS;

function app(file) {
  return initializeApp({ credential: cert(JSON.parse(readFileSync(`${keys}/${file}`, "utf8"))) }, file);
}

function message(token) {
  return { token, notification: { title: "Hello" }, data: { ride: "7" }, android: { priority: "high", ttl: 60_000 } };
}

const demo = app("service-account.json");
const messaging = getMessaging(demo);
const tokens = Array.from({ length: 100 }, (_, index) => `firebase-admin-node-${index}`);
const { successCount, responses } = await messaging.sendEach(tokens.map(message));
assert.equal(successCount, 100, String(responses.find(({ success }) => !success)?.error));

await assert.rejects(messaging.send(message("phone~UNREGISTERED")), {
  code: "messaging/registration-token-not-registered",
});
await assert.rejects(messaging.send(message("phone~INVALID_ARGUMENT")), { code: "messaging/invalid-argument" });
await deleteApp(demo);

const stranger = app("wrong-account.json");
await assert.rejects(getMessaging(stranger).send(message("firebase-admin-node-wrong")), /Invalid JWT Signature/);
await deleteApp(stranger);

console.log("firebase-admin (Node): sent 100, met 3 errors");
