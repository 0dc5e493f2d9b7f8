/** Any error of this package. */
export class BellwireError extends Error {
  override name = "BellwireError";
}

/** No answer arrived. A request that was repeated until `retryFor` was over may still have been carried out. */
export class ConnectionError extends BellwireError {
  override name = "ConnectionError";
}

/** The request was not made by Bellwire, was changed, or is too old. */
export class WebhookVerificationError extends BellwireError {
  override name = "WebhookVerificationError";
}

/** The Operation was not completed in time. It goes on. */
export class CompletionTimeoutError extends BellwireError {
  override name = "CompletionTimeoutError";
}

/** One problem of a request. */
export interface Problem {
  field: string;
  message: string;
}

/** Bellwire refused a request, and changed nothing. */
export class ApiError extends BellwireError {
  override name = "ApiError";
  /** The HTTP status. */
  readonly status: number;
  /** Bellwire's code, or the status if it has none of its own. */
  readonly code: number;
  /** Every problem of the request, each with its field. */
  readonly problems: readonly Problem[];

  constructor(status: number, code: number, message: string, problems: readonly Problem[]) {
    super(message);
    this.status = status;
    this.code = code;
    this.problems = problems;
  }

  /** The field of the first problem. */
  get field(): string | undefined {
    return this.problems[0]?.field;
  }

  /** From an answer's status and body. */
  static of(status: number, text: string): ApiError {
    const body = parse(text);
    if (body?.message === undefined) {
      // Of a proxy.
      return new ApiError(status, status, `HTTP status ${status} ${text.slice(0, 200)}`.trim(), []);
    }
    return new ApiError(status, body.code ?? status, body.message, body.errors ?? []);
  }
}

function parse(text: string): { code?: number; message?: string; errors?: Problem[] } | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
