// Sends COUNT notifications, one by one, while Bellwire is restarted: says `half` when half of them are accepted.
import { Bellwire } from "../src/index.js";

const COUNT = Number(process.env.COUNT);
const client = Bellwire.fromEnvironment();
let next = 0;
let accepted = 0;

async function work(): Promise<void> {
  while (next < COUNT) {
    const number = next++;
    await client.send({ to: [{ token: `drill-typescript-${number}`, provider: "FCM" }], content: { title: "Hello" } });
    accepted += 1;
    if (accepted === Math.floor(COUNT / 2)) {
      console.log("half");
    }
  }
}

await Promise.all(Array.from({ length: 16 }, work));
console.log("done");
