import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Line } from "./device";
import { QUIET, softphone, update } from "./state";

/** Twilio's side of a line: it tells what a test lets it. */
class FarEnd {
  state = "open";
  private readonly listeners = new Map<string, (told?: unknown) => void>();

  on(what: string, listener: (told?: unknown) => void): void {
    this.listeners.set(what, listener);
  }

  tells(what: string, told?: unknown): void {
    this.listeners.get(what)?.(told);
  }

  status(): string {
    return this.state;
  }
}

const KEY_NOT_SENT = { code: 31000 };

async function talking(): Promise<FarEnd> {
  const { attend } = await import("./softphone");
  update({ ...QUIET, callId: "c1", stage: "connecting", failure: null });
  const far = new FarEnd();
  attend("c1", far as unknown as Line);
  far.tells("accept");
  far.tells("sample", { bytesReceived: 800 });
  expect(softphone().stage).toBe("open");
  return far;
}

beforeEach(() => {
  vi.stubGlobal("window", { location: { origin: "http://here" } });
  vi.stubGlobal("document", { cookie: "" });
  vi.stubGlobal("fetch", async () => Response.json({}));
});

afterEach(() => vi.unstubAllGlobals());

test.each([
  ["sound comes again", "sample", { bytesReceived: 800 }],
  ["the line is back", "reconnected", undefined],
])("an error that a line outlives is over once %s", async (_, what, told) => {
  const far = await talking();
  far.tells("error", KEY_NOT_SENT);
  far.tells(what, told);
  far.tells("disconnect");
  expect(softphone()).toMatchObject({ callId: null, failure: null });
});

test("an error that ends a line is told, though silence was counted in between", async () => {
  const far = await talking();
  far.tells("error", { code: 53405 });
  far.tells("sample", { bytesReceived: 0 });
  far.tells("disconnect");
  expect(softphone()).toMatchObject({ callId: null, failure: { callId: "c1", why: "lost" } });
});
