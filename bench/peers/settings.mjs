// What the benchmark tells its peers, by environment variables.

import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";

const credential = (name) => JSON.parse(readFileSync(`${process.env.BENCH_CREDENTIALS}/${name}.json`)).content;

/** Notifications to send. */
export const count = Number(process.env.BENCH_COUNT);

/** The options of an APNs provider that sends to the simulator. */
export function apnOptions() {
  const { privateKey, keyId, teamId } = credential("apn");
  const { hostname: address, port } = new URL(process.env.BENCH_APNS);
  return { token: { key: Buffer.from(privateKey, "base64"), keyId, teamId }, production: true, address, port: Number(port) };
}

/** The APNs topic. */
export const topic = credential("apn").bundleId;

/** FCM's service account, and where the simulator is. */
export const fcm = { ...credential("fcm"), url: new URL(process.env.BENCH_FCM) };

/** A token as long as the provider's own; one that began with digits could be one for which the simulator fails. */
export function token(number) {
  return "a" + createHash("sha256").update(`peer ${number}`).digest("hex").slice(1);
}

/** The message of every row. */
export const alert = { title: "Boarding time @ TLL", body: "You have 1 hour until boarding time" };
export const sound = "ring";

/** Tells the benchmark what came out. */
export function report(what, seconds, sent) {
  // Not what getrusage says, which begins with the memory of whoever started this.
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"));
  const rss = Number(peak[1]) / 1000;
  console.log(JSON.stringify({ what, rate: sent / seconds, sent, rss }));
}
