import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LiveSocket } from "./socket";

/** The browser's side of a connection that exists: what the page sent, and a way to let the server speak. */
class Connection {
  static readonly OPEN = 1;
  static made: Connection[] = [];
  readyState = Connection.OPEN;
  sent: string[] = [];
  closed = false;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  constructor() {
    Connection.made.push(this);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.closed = true;
  }

  says(event: object): void {
    this.onmessage?.({ data: JSON.stringify({ topic: "", event }) });
  }
}

const PING = '{"action":"ping"}';
const handlers = {
  onEvent: vi.fn(),
  onState: vi.fn(),
  onReady: vi.fn(),
  onFollowing: vi.fn(),
  onUnfollowed: vi.fn(),
};

function last(): Connection {
  return Connection.made.at(-1) as Connection;
}

function opened(): LiveSocket {
  const line = new LiveSocket("ws://here/ws/", handlers);
  line.open();
  last().says({ type: "ready" });
  return line;
}

beforeEach(() => {
  vi.useFakeTimers();
  Connection.made = [];
  vi.stubGlobal("WebSocket", Connection);
  vi.stubGlobal("window", new EventTarget());
  vi.stubGlobal("document", Object.assign(new EventTarget(), { visibilityState: "visible" }));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.clearAllMocks();
});

test("a line that answers is asked now and then and kept", () => {
  opened();
  for (let asked = 1; asked <= 5; asked += 1) {
    vi.advanceTimersByTime(15_000);
    expect(last().sent.filter((text) => text === PING)).toHaveLength(asked);
    last().says({ type: "pong" });
  }
  expect(Connection.made).toHaveLength(1);
});

test("a line that speaks is not asked", () => {
  opened();
  for (let second = 0; second < 60; second += 1) {
    vi.advanceTimersByTime(1_000);
    last().says({ type: "balance.changed" });
  }
  expect(last().sent).toEqual([]);
});

test("a line that does not answer is left for another, which follows what this one followed", () => {
  const line = opened();
  line.follow("c1");
  const dead = last();
  vi.advanceTimersByTime(15_000 + 5_000);
  expect(dead.closed).toBe(true);
  expect(handlers.onState).toHaveBeenLastCalledWith("waiting");
  vi.advanceTimersByTime(1_000);
  expect(Connection.made).toHaveLength(2);
  last().says({ type: "ready" });
  expect(last().sent).toEqual(['{"action":"follow","call_id":"c1"}']);
  expect(handlers.onReady).toHaveBeenCalledTimes(2);
  // Its late end changes nothing any more.
  dead.onclose?.({ code: 1006 });
  dead.says({ type: "pong" });
  expect(handlers.onState).toHaveBeenLastCalledWith("open");
});

test("a call is told no longer once the last part of the page has let it go", () => {
  const line = opened();
  line.follow("c1");
  line.follow("c1");
  line.unfollow("c1");
  expect(handlers.onUnfollowed).not.toHaveBeenCalled();
  line.unfollow("c1");
  expect(handlers.onUnfollowed).toHaveBeenCalledExactlyOnceWith("c1");
});

test("what is refused is asked for again while the page shows it", () => {
  const line = opened();
  line.follow("c1");
  last().says({ type: "refused", call_id: "c1", code: "not_found" });
  vi.advanceTimersByTime(5_000);
  expect(last().sent.filter((text) => text.includes('"follow"'))).toHaveLength(2);
  last().says({ type: "refused", call_id: "c1", code: "not_found" });
  line.unfollow("c1");
  vi.advanceTimersByTime(10_000);
  expect(last().sent.filter((text) => text.includes('"follow"'))).toHaveLength(2);
});

test("what goes on being refused is asked for less and less often, by one timer however often it is said", () => {
  const line = opened();
  line.follow("c1");
  const asked = () => last().sent.filter((text) => text.includes('"follow"')).length;
  const refused = () => last().says({ type: "refused", call_id: "c1", code: "not_found" });
  for (let times = 0; times < 3; times += 1) refused();
  vi.advanceTimersByTime(5_000);
  expect(asked()).toBe(2);
  refused();
  vi.advanceTimersByTime(9_000);
  expect(asked()).toBe(2);
  vi.advanceTimersByTime(1_000);
  expect(asked()).toBe(3);
  last().says({ type: "following", call_id: "c1" });
  refused();
  vi.advanceTimersByTime(5_000);
  expect(asked()).toBe(4);
});

test("after sleep the line is tested at once", () => {
  opened();
  document.dispatchEvent(new Event("resume"));
  expect(last().sent).toEqual([PING]);
  vi.advanceTimersByTime(5_000 + 1_000);
  expect(Connection.made).toHaveLength(2);
});

test("when the network goes the line is tested at once, and is tried again once it is back", () => {
  opened();
  window.dispatchEvent(new Event("offline"));
  expect(last().sent).toEqual([PING]);
  vi.advanceTimersByTime(5_000);
  expect(handlers.onState).toHaveBeenLastCalledWith("waiting");
  window.dispatchEvent(new Event("online"));
  expect(Connection.made).toHaveLength(2);
});

test("a line that does not open is tried anew", () => {
  new LiveSocket("ws://here/ws/", handlers).open();
  vi.advanceTimersByTime(10_000 + 1_000);
  expect(Connection.made.length).toBeGreaterThan(1);
});

test("a line that was closed asks for nothing", () => {
  const line = opened();
  line.close();
  vi.advanceTimersByTime(60_000);
  expect(Connection.made).toHaveLength(1);
  expect(last().sent).toEqual([]);
});
