// Sends to tokens, and shows what failed: `node send.js TOKEN…`.
import { ApiError, Bellwire } from "../src/index.js";

const client = Bellwire.fromEnvironment();

try {
  const { operationId } = await client.send({
    to: process.argv.slice(2).map((token) => ({ token, provider: "FCM", variables: { name: "Ann" } })),
    content: { title: "Hello {{ name }}", body: "You have 1 hour until boarding time" },
    priority: "HIGH",
  });

  const { id, status, stats } = await client.waitForCompletion(operationId);
  console.log(id, status, stats);
  for await (const { position, code, message } of client.listOperationErrors(operationId)) {
    console.log("recipient", position, code, message);
  }
} catch (error) {
  if (!(error instanceof ApiError)) {
    throw error;
  }
  for (const { field, message } of error.problems) {
    console.error(`${field}: ${message}`);
  }
  console.error(`refused: ${error.message}`);
  process.exitCode = 1;
}
