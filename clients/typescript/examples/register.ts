// Registers a device and sends to its User: `node register.js APP TOKEN`.
import { Bellwire } from "../src/index.js";

const [appName = "", token = ""] = process.argv.slice(2);
const client = Bellwire.fromEnvironment();

const { userId, deviceId } = await client.registerDevice({ appName, token, provider: "FCM", tags: { tier: "gold" } });
console.log("User", userId, "device", deviceId);

// Keep the userId beside your own user: this is who you send to.
const { operationId } = await client.send({ to: [{ userId }], from: { appName }, content: { title: "Welcome" } });
console.log("Operation", operationId);
