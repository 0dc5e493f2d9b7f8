// Shows how an Operation goes on until its end: `node watch.js OPERATION_ID`.
import { Bellwire } from "../src/index.js";

const client = Bellwire.fromEnvironment();

for (;;) {
  // Answers at once when the Operation has ended, else after a second.
  const { status, stats } = await client.fetchOperation(String(process.argv[2]), { wait: "1s" });
  console.log(`${status}: ${stats.sent} sent, ${stats.failed} failed of ${stats.total}`);
  if (status === "COMPLETED" || status === "CANCELED") {
    break;
  }
}
