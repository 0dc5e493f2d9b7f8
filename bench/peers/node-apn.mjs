// @parse/node-apn alone: nothing is durable. Several ways to hand over the tokens, since the best one counts.

import apn from "@parse/node-apn";
import { alert, apnOptions, count, report, sound, token, topic } from "./settings.mjs";

const tokens = Array.from({ length: count }, (_, number) => token(number));

for (const [chunk, calls] of [[100, 1], [500, 1], [100, 4]]) {
  const provider = new apn.Provider(apnOptions());
  const send = (some) => {
    const note = new apn.Notification();
    Object.assign(note, { topic, alert, sound });
    return provider.send(note, some);
  };
  await send(tokens.slice(0, 1));
  let next = 0;
  let sent = 0;
  const caller = async () => {
    while (next < tokens.length) {
      const some = tokens.slice(next, (next += chunk));
      sent += (await send(some)).sent.length;
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: calls }, caller));
  report(`@parse/node-apn, ${chunk} tokens a call, ${calls} at a time`, (performance.now() - started) / 1000, sent);
  await provider.shutdown();
}
process.exit(0);
