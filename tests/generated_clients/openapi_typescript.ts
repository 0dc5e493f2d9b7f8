// openapi-typescript with openapi-fetch: sends, pages, reads, and meets an error.
import createClient from "openapi-fetch";

import { check, headers, to, url } from "./check.ts";
import type { paths } from "./generated/openapi_typescript.ts";

const client = createClient<paths>({ baseUrl: url, headers });

const sent = await client.POST("/v1/PushNotifications", {
  body: { to, content: { body: "Hello" } },
});
check(sent.data !== undefined && "operationId" in sent.data, "the send is accepted");
const operationId = sent.data.operationId;

const operation = await client.GET("/v1/PushNotifications/Operations/{id}", {
  params: { path: { id: operationId } },
});
check(operation.data?.stats.total === to.length, "the Operation has every recipient");

let seen = 0;
let pageToken: string | undefined;
do {
  const page = await client.GET("/v1/PushNotifications", {
    params: { query: { operationId, pageSize: 2, pageToken } },
  });
  check(page.data !== undefined, "a page is read");
  seen += page.data.pushNotifications.length;
  pageToken = page.data.pagination.next ?? undefined;
} while (pageToken !== undefined);
check(seen === to.length, "the pages have every notification");

const refused = await client.POST("/v1/PushNotifications", {
  body: { to: [], content: { body: "Hello" } },
});
check(refused.response.status === 400, "no recipients are a 400");
check(typeof refused.error?.message === "string", "the error has a message");

console.log("openapi-typescript: sent, paged, read, refused");
