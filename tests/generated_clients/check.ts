/** Ends the process if a client did not get what it asked for. */
export function check(holds: boolean, what: string): asserts holds {
  if (!holds) {
    console.error(`failed: ${what}`);
    process.exit(1);
  }
}

export const url = process.env.BELLWIRE_URL ?? "http://127.0.0.1:8080";

export const headers = { Authorization: `Basic ${btoa("dev:dev")}` };

/** More recipients than a page has notifications. */
export const to = [1, 2, 3].map((number) => ({
  token: `generated-client-${number}`,
  provider: "FCM" as const,
}));
