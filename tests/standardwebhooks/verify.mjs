// Verifies a request of Bellwire with the official library. Reads {secret, headers, body} from its standard input.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// From the directory that STANDARDWEBHOOKS_NODE names, where `npm install standardwebhooks` was run.
const require = createRequire(process.env.STANDARDWEBHOOKS_NODE + "/");
const { Webhook } = require("standardwebhooks");

const { secret, headers, body } = JSON.parse(readFileSync(0, "utf8"));
const webhook = new Webhook(secret);

console.log(webhook.verify(body, headers).type);
try {
  webhook.verify(body + " ", headers);
} catch {
  process.exit(0);
}
console.error("a changed body was taken");
process.exit(1);
