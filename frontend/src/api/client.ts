import createClient, { type Middleware } from "openapi-fetch";
import { Problem } from "./problem";
import type { paths } from "./schema";

const CSRF_COOKIE = "__Host-csrf";
const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);
// After sleep or in another network the browser's kept connections may be dead without a word: whoever waits on one waits for
// ever. Given up, it is closed, and the next try takes another. What changes something is left to its own patience.
const READ_WITHIN_MS = 8_000;

export function csrfToken(): string {
  for (const pair of document.cookie.split("; ")) {
    const at = pair.indexOf("=");
    if (pair.slice(0, at) === CSRF_COOKIE) return pair.slice(at + 1);
  }
  return "";
}

const proveOwnPage: Middleware = {
  onRequest({ request }) {
    if (!SAFE.has(request.method)) request.headers.set("X-CSRFToken", csrfToken());
    return request;
  },
};

function fetchInTime(request: Request): Promise<Response> {
  if (!SAFE.has(request.method)) return fetch(request);
  return fetch(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(READ_WITHIN_MS)]) });
}

export const api = createClient<paths>({
  baseUrl: window.location.origin,
  credentials: "same-origin",
  fetch: fetchInTime,
});
api.use(proveOwnPage);

interface Reply<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a successful answer. Throws Problem, also when the server cannot be reached. */
export async function answer<T>(request: Promise<Reply<T>>): Promise<T> {
  let reply: Reply<T>;
  try {
    reply = await request;
  } catch {
    throw Problem.unreachable();
  }
  if (!reply.response.ok) throw Problem.fromBody(reply.response.status, reply.error);
  return reply.data as T;
}
