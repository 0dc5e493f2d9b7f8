// Node's fetch, eight at a time.
const { BELLWIRE_URL, BELLWIRE_KEY, BELLWIRE_SECRET, COUNT } = process.env;
const headers = {
  Authorization: `Basic ${btoa(`${BELLWIRE_KEY}:${BELLWIRE_SECRET}`)}`,
  "Content-Type": "application/json",
};
let next = 0;

async function work() {
  while (next < Number(COUNT)) {
    const send = { to: [{ token: `fetch-${next++}`, provider: "FCM" }], content: { title: "Hello" } };
    const answer = await fetch(`${BELLWIRE_URL}/v1/PushNotifications`, {
      method: "POST",
      headers,
      body: JSON.stringify(send),
    });
    if (answer.status !== 202) {
      throw new Error(`${answer.status}: ${await answer.text()}`);
    }
    console.log((await answer.json()).operationId);
  }
}

await Promise.all(Array.from({ length: 8 }, work));
