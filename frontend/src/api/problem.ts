export interface FieldError {
  field: string;
  message: string;
}

/** An RFC 9457 answer. code: stable; detail: what happened and what to do. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly errors: readonly FieldError[] = [],
  ) {
    super(detail);
    this.name = "Problem";
  }

  static unreachable(): Problem {
    return new Problem(
      0,
      "unreachable",
      "No connection",
      "The server did not answer. Check your connection and try again.",
    );
  }

  static fromBody(status: number, body: unknown): Problem {
    const given = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
    const text = (name: string, otherwise: string): string =>
      typeof given[name] === "string" ? (given[name] as string) : otherwise;
    return new Problem(
      status,
      text("code", "unknown"),
      text("title", "The request failed"),
      text("detail", `The server answered with status ${status}. Try again.`),
      Array.isArray(given.errors) ? (given.errors as FieldError[]) : [],
    );
  }

  /** What is wrong with one field; the API names nested fields with dots, the body's own name first. */
  forField(name: string): string | undefined {
    return this.errors.find((error) => error.field === name || error.field.endsWith(`.${name}`))?.message;
  }
}

export function asProblem(error: unknown): Problem | null {
  if (error === null || error === undefined) return null;
  if (error instanceof Problem) return error;
  return new Problem(0, "unexpected", "Something failed on this page", "Reload the page and try again.");
}

const WITHDRAWN: ReadonlySet<number> = new Set([403, 404, 409]);

/** Whether a question's answer says that this reader may not have it any more, or that it is gone. */
export function isWithdrawn(error: unknown): boolean {
  return error instanceof Problem && WITHDRAWN.has(error.status);
}
