import { ApiError, type BellwireError, ConnectionError } from "./errors.js";

/** Longer than the longest `wait`. */
const TIMEOUT_MS = 75_000;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 8_000;
/** The service, or a proxy in front of it, is not there for a moment. A 500 is a defect, which a repeat does not mend. */
const PASSING = new Set([429, 502, 503, 504]);

type Query = Readonly<Record<string, unknown>>;

interface Call {
  method: string;
  path: string;
  query?: Query;
  body?: unknown;
  /** `true`: a new one. A request without one is repeated only if Bellwire did not take it. */
  idempotencyKey?: string | true;
}

/** A path with escaped values. */
export function path(parts: TemplateStringsArray, ...values: string[]): string {
  return parts.reduce((text, part, index) => text + encodeURIComponent(values[index - 1] ?? "") + part);
}

/** Sends requests, and repeats them where that is safe. */
export class Transport {
  readonly #url: string;
  readonly #authorization: string;
  readonly #retryForMs: number;
  readonly #fetch: typeof fetch;

  /** `retryFor`: for how many seconds a request is repeated. */
  constructor(url: string, key: string, secret: string, retryFor: number, fetcher: typeof fetch) {
    this.#url = url.replace(/\/+$/, "");
    this.#authorization = `Basic ${Buffer.from(`${key}:${secret}`).toString("base64")}`;
    this.#retryForMs = retryFor * 1000;
    this.#fetch = fetcher;
  }

  /** The body of the answer. Throws `ApiError` and `ConnectionError`. */
  async call<Answer>({ method, path, query, body, idempotencyKey }: Call): Promise<Answer> {
    const headers: Record<string, string> = { Authorization: this.#authorization, Accept: "application/json" };
    if (body !== undefined) {
      headers["Content-Type"] = "application/json";
    }
    if (idempotencyKey !== undefined) {
      // With one key, a request that is repeated after a lost answer changes nothing twice.
      headers["Idempotency-Key"] = idempotencyKey === true ? crypto.randomUUID() : idempotencyKey;
    }

    const isRepeatable = method !== "POST" || idempotencyKey !== undefined;
    const request = { method, headers, body: body === undefined ? null : JSON.stringify(body) };
    const text = await this.#send(this.#address(path, query), request, isRepeatable);
    return (text === "" ? undefined : JSON.parse(text)) as Answer;
  }

  /** The lines of an NDJSON answer, read while they arrive. An answer that is cut off throws `ConnectionError`. */
  async *lines<Line>(path: string, query: Query = {}): AsyncGenerator<Line> {
    const headers = { Authorization: this.#authorization, Accept: "application/x-ndjson" };
    const address = this.#address(path, query);
    try {
      const answer = await this.#fetch(address, { headers });
      if (!answer.ok || answer.body === null) {
        throw ApiError.of(answer.status, await answer.text());
      }

      let rest = "";
      for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + part).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          yield JSON.parse(line) as Line;
        }
      }
    } catch (error) {
      throw error instanceof ApiError ? error : unanswered("GET", address, error);
    }
  }

  async #send(address: string, request: RequestInit, isRepeatable: boolean): Promise<string> {
    const giveUpAt = Date.now() + this.#retryForMs;

    for (let attempt = 0; ; attempt++) {
      let failure: BellwireError;
      let mayRepeat = isRepeatable;
      let delay = backoff(attempt);
      try {
        const answer = await this.#fetch(address, { ...request, signal: AbortSignal.timeout(TIMEOUT_MS) });
        const text = await answer.text();
        if (answer.ok) {
          return text;
        }

        failure = ApiError.of(answer.status, text);
        mayRepeat = PASSING.has(answer.status) && (isRepeatable || answer.status === 429);
        delay = retryAfter(answer.headers.get("Retry-After")) ?? delay;
      } catch (error) {
        failure = unanswered(request.method, address, error);
        mayRepeat = isRepeatable || neverConnected(error);
      }

      if (!mayRepeat || Date.now() + delay > giveUpAt) {
        throw failure;
      }
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
  }

  #address(path: string, query: Query = {}): string {
    const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
    const parameters = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
    return this.#url + path + (given.length > 0 ? `?${parameters}` : "");
  }
}

function unanswered(method: string | undefined, address: string, error: unknown): ConnectionError {
  const { cause, message } = error as Error;
  const reason = cause instanceof Error ? cause.message : message;
  return new ConnectionError(`${method} ${address}: ${reason}`, { cause: error });
}

/** A connection that never opened carried no request. */
function neverConnected(error: unknown): boolean {
  const cause = (error as Error).cause as { code?: string } | undefined;
  return cause?.code === "ECONNREFUSED" || cause?.code === "UND_ERR_CONNECT_TIMEOUT";
}

/** Milliseconds, random so that clients do not come back together. */
function backoff(attempt: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** attempt, LONGEST_DELAY_MS) * (0.5 + Math.random() / 2);
}

/** The milliseconds of a `Retry-After` header: seconds, or a date. */
export function retryAfter(value: string | null): number | undefined {
  if (value === null || value === "") {
    return undefined;
  }
  if (/^\d+$/.test(value)) {
    return Number(value) * 1000;
  }
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}
