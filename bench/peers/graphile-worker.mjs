// graphile-worker over Postgres with @parse/node-apn: what a team would write itself. One way a run: `single` (one job for
// each notification, one write each), `coalesced` (writes gathered), `arriving` (coalesced, and the jobs come one by one, as
// single sends do), `bulk` (500 tokens a job, one write each job).

import apn from "@parse/node-apn";
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import pg from "pg";
import { alert, apnOptions, count, report, sound, token, topic } from "./settings.mjs";

const way = process.argv[2];
const PER_JOB = 500;
const ENQUEUERS = 64;

const pool = new pg.Pool({ max: 20 });
pool.on("error", (error) => console.error(error.message));
pool.on("connect", (client) => client.on("error", (error) => console.error(error.message)));
const utils = await makeWorkerUtils({ pgPool: pool });
await utils.migrate();
await pool.query("create table if not exists sent (token text not null, status text not null, at timestamptz not null default now())");
await pool.query("truncate sent");

const provider = new apn.Provider(apnOptions());
let recorded = 0;
let done;
const finished = new Promise((resolve) => (done = resolve));

async function send(tokens) {
  const note = new apn.Notification();
  Object.assign(note, { topic, alert, sound });
  const { sent, failed } = await provider.send(note, tokens);
  return [...sent.map(({ device }) => [device, "SENT"]), ...failed.map(({ device }) => [device, "FAILED"])];
}

async function record(rows) {
  await pool.query("insert into sent (token, status) select * from unnest($1::text[], $2::text[])", [
    rows.map(([device]) => device),
    rows.map(([, status]) => status),
  ]);
  recorded += rows.filter(([, status]) => status === "SENT").length;
  if (recorded >= count) done();
}

// Whoever wants to write while a write is under way shares the next one.
let gathered = [];
let writing = false;
function coalesce(rows) {
  return new Promise((resolve, reject) => {
    gathered.push({ rows, resolve, reject });
    if (!writing) write();
  });
}
async function write() {
  writing = true;
  while (gathered.length > 0) {
    const some = gathered;
    gathered = [];
    await record(some.flatMap(({ rows }) => rows)).then(
      () => some.forEach(({ resolve }) => resolve()),
      (error) => some.forEach(({ reject }) => reject(error)),
    );
  }
  writing = false;
}

const keep = way === "coalesced" || way === "arriving" ? coalesce : record;
const taskList = { push: async ({ tokens }) => keep(await send(tokens)) };
const logger = new Logger(() => () => {});
const preset = {
  worker: {
    logger,
    concurrentJobs: way === "bulk" ? 4 : 200,
    localQueue: { size: way === "bulk" ? 8 : 500, refetchDelay: { durationMs: 10 } },
    completeJobBatchDelay: 5,
    failJobBatchDelay: 5,
  },
};
await send([token(0)]);
const runner = await run({ pgPool: pool, preset, taskList, noHandleSignals: true });

const started = performance.now();
if (way === "arriving") {
  let next = 0;
  const enqueuer = async () => {
    while (next < count) {
      await utils.addJob("push", { tokens: [token(next++)] });
    }
  };
  await Promise.all(Array.from({ length: ENQUEUERS }, enqueuer));
} else {
  const perJob = way === "bulk" ? PER_JOB : 1;
  for (let first = 0; first < count; first += 10_000) {
    const jobs = [];
    for (let next = first; next < Math.min(first + 10_000, count); next += perJob) {
      const tokens = Array.from({ length: Math.min(perJob, count - next) }, (_, number) => token(next + number));
      jobs.push({ identifier: "push", payload: { tokens } });
    }
    await utils.addJobs(jobs);
  }
}
await finished;
report(`graphile-worker, ${way}`, (performance.now() - started) / 1000, recorded);
await runner.stop();
process.exit(0);
