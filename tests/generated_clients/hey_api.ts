// hey-api: sends, pages, reads, and meets an error.
import { check, headers, to, url } from "./check.ts";
import { client } from "./generated/hey_api/client.gen.ts";
import {
  fetchOperation,
  listPushNotifications,
  sendPushNotifications,
} from "./generated/hey_api/sdk.gen.ts";

client.setConfig({ baseUrl: url, headers });

const sent = await sendPushNotifications({ body: { to, content: { body: "Hello" } } });
check(sent.data !== undefined && "operationId" in sent.data, "the send is accepted");
const operationId = sent.data.operationId;

const operation = await fetchOperation({ path: { id: operationId } });
check(operation.data?.stats.total === to.length, "the Operation has every recipient");

let seen = 0;
let pageToken: string | undefined;
do {
  const page = await listPushNotifications({ query: { operationId, pageSize: 2, pageToken } });
  check(page.data !== undefined, "a page is read");
  seen += page.data.pushNotifications.length;
  pageToken = page.data.pagination.next ?? undefined;
} while (pageToken !== undefined);
check(seen === to.length, "the pages have every notification");

const refused = await sendPushNotifications({ body: { to: [], content: { body: "Hello" } } });
check(refused.response?.status === 400, "no recipients are a 400");
check(refused.error !== undefined, "the error is parsed");

console.log("hey-api: sent, paged, read, refused");
