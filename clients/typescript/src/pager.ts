import type { Transport } from "./transport.js";

/** A list, whose pages are fetched while it is iterated. Each iteration begins at the first page. */
export class Pager<Item> implements AsyncIterable<Item> {
  readonly #transport: Transport;
  readonly #path: string;
  readonly #query: Readonly<Record<string, unknown>>;
  readonly #field: string;

  constructor(transport: Transport, path: string, query: Readonly<Record<string, unknown>>, field: string) {
    this.#transport = transport;
    this.#path = path;
    this.#query = query;
    this.#field = field;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item> {
    for await (const page of this.pages()) {
      yield* page;
    }
  }

  /** Page by page. A page may be short or empty although others follow: only a `next` of null ends a list. */
  async *pages(): AsyncGenerator<Item[]> {
    let pageToken: unknown = this.#query.pageToken;
    do {
      const query = { ...this.#query, pageToken };
      const answer = await this.#transport.call<Record<string, unknown>>({ method: "GET", path: this.#path, query });
      yield answer[this.#field] as Item[];

      pageToken = (answer.pagination as { next?: string | null }).next ?? null;
    } while (pageToken !== null);
  }

  /** The whole list. */
  async all(): Promise<Item[]> {
    const all: Item[] = [];
    for await (const item of this) {
      all.push(item);
    }
    return all;
  }
}
