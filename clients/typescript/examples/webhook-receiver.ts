// Receives webhooks on port 8000: `WEBHOOK_SECRET=whsec_… node webhook-receiver.js`.
import { createServer } from "node:http";
import { buffer } from "node:stream/consumers";
import { WebhookVerificationError, WebhookVerifier } from "../src/index.js";

const verifier = new WebhookVerifier(process.env.WEBHOOK_SECRET ?? "");
const seen = new Set<unknown>();

const server = createServer(async (request, response) => {
  try {
    const event = verifier.verify(await buffer(request), request.headers);
    // Answer at once, and do the work afterwards. An event may come more than once.
    response.writeHead(204).end();
    const id = request.headers["webhook-id"];
    if (!seen.has(id)) {
      seen.add(id);
      console.log(event.type, JSON.stringify(event.data));
    }
  } catch (error) {
    const isForged = error instanceof WebhookVerificationError;
    response.writeHead(isForged ? 401 : 500).end(isForged ? error.message : "");
  }
});
server.listen(Number(process.env.PORT ?? 8000), "127.0.0.1");
