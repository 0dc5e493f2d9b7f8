// firebase-admin alone: nothing is durable. Its addresses are fixed, so its connections are led to the simulator, whose
// certificate carries that name.

import { createSign } from "node:crypto";
import http2 from "node:http2";
import tls from "node:tls";
import { createRequire } from "node:module";
import { alert, count, fcm, report, token } from "./settings.mjs";

const require = createRequire(import.meta.url);
const connect = tls.connect;
require("node:tls").connect = (...parameters) => {
  const options = parameters.find((parameter) => typeof parameter === "object");
  const callback = parameters.find((parameter) => typeof parameter === "function");
  const led = { ...options, host: fcm.url.hostname, port: Number(fcm.url.port), servername: "localhost" };
  return connect(led, callback);
};

// It sends the scheme "https:", colon included, which Google lets pass and a stricter HTTP/2 server does not.
const open = http2.connect;
require("node:http2").connect = (...parameters) => {
  const session = open(...parameters);
  const request = session.request.bind(session);
  session.request = (headers, options) => request({ ...headers, ":scheme": "https" }, options);
  return session;
};

const { initializeApp } = await import("firebase-admin/app");
const { getMessaging } = await import("firebase-admin/messaging");

async function accessToken() {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: fcm.clientEmail, aud: fcm.tokenUri, iat: now, exp: now + 3600,
    scope: "https://www.googleapis.com/auth/firebase.messaging",
  };
  const unsigned = `${encode({ alg: "RS256", typ: "JWT", kid: fcm.privateKeyId })}.${encode(claims)}`;
  const signature = createSign("RSA-SHA256").update(unsigned).sign(Buffer.from(fcm.privateKey, "base64").toString()).toString("base64url");
  const grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
  const body = new URLSearchParams({ grant_type: grant, assertion: `${unsigned}.${signature}` }).toString();
  const session = http2.connect(fcm.url);
  const stream = session.request({
    ":method": "POST", ":path": new URL(fcm.tokenUri).pathname, "content-type": "application/x-www-form-urlencoded",
  });
  stream.end(body);
  let text = "";
  for await (const chunk of stream) text += chunk;
  session.close();
  return JSON.parse(text);
}

const access = await accessToken();
const credential = { getAccessToken: async () => ({ access_token: access.access_token, expires_in: access.expires_in }) };
const messaging = getMessaging(initializeApp({ credential, projectId: fcm.projectId }));

const tokens = Array.from({ length: count }, (_, number) => `peer:APA91b${token(number)}${token(number)}`);
let sent = 0;
const started = performance.now();
for (let next = 0; next < tokens.length; next += 500) {
  const answer = await messaging.sendEachForMulticast({ tokens: tokens.slice(next, next + 500), notification: alert });
  sent += answer.successCount;
  if (answer.failureCount > 0 && sent === 0) throw answer.responses.find(({ error }) => error).error;
}
report("firebase-admin, 500 tokens a call", (performance.now() - started) / 1000, sent);
process.exit(0);
