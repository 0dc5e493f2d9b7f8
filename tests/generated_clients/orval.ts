// orval's fetch client: sends, pages, reads, and meets an error.
import { check, headers, to, url } from "./check.ts";
import { fetchOperation, listPushNotifications, sendPushNotifications } from "./generated/orval.ts";

// Its addresses are relative, as they are in a browser.
const absolute = globalThis.fetch;
globalThis.fetch = (input, init) => absolute(new URL(String(input), url), init);

const sent = await sendPushNotifications({ to, content: { body: "Hello" } }, { headers });
check(sent.status === 202, "the send is accepted");
const operationId = sent.data.operationId;

const operation = await fetchOperation(operationId, undefined, { headers });
check(operation.status === 200, "the Operation is read");
check(operation.data.stats.total === to.length, "the Operation has every recipient");

let seen = 0;
let pageToken: string | undefined;
do {
  const page = await listPushNotifications({ operationId, pageSize: 2, pageToken }, { headers });
  check(page.status === 200, "a page is read");
  seen += page.data.pushNotifications.length;
  pageToken = page.data.pagination.next ?? undefined;
} while (pageToken !== undefined);
check(seen === to.length, "the pages have every notification");

const refused = await sendPushNotifications({ to: [], content: { body: "Hello" } }, { headers });
check(refused.status === 400, "no recipients are a 400");
check(refused.data.message.length > 0, "the error has a message");

console.log("orval: sent, paged, read, refused");
