import type { ServerEvent } from "../api/types";

/** What the person may know about the line: connecting at first, open, waiting to try again, or ended by sign-out. */
export type LineState = "connecting" | "open" | "waiting" | "signed_out";

interface Handlers {
  onEvent: (event: ServerEvent) => void;
  onState: (state: LineState) => void;
  /** The line is open: whatever was said before, the server must be asked for. */
  onReady: () => void;
  /** This call's events, or for null those of all live calls of the team, arrive from now on; what came before must be
   * asked for. */
  onFollowing: (callId: string | null) => void;
  /** Nobody on the page follows this call any more: what is said in it is told no longer. */
  onUnfollowed: (callId: string | null) => void;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
const SIGNED_OUT = 4401;
// A network that swallows everything closes nothing: after so long without a word the server is asked for one.
const QUIET_MS = 15_000;
const ANSWER_WITHIN_MS = 5_000;
const OPEN_WITHIN_MS = 10_000;
const REFUSED_AGAIN_MS = 5_000;
const REFUSED_LONGEST_MS = 60_000;

/** What the server says about the line itself, beside the events of the workspace. */
type LineFrame =
  | { type: "ready" }
  | { type: "pong" }
  | { type: "following"; call_id: string | null }
  | { type: "refused"; call_id: string | null; code: string };

/** How long to wait before the nth try, halved to whole at random, so that not all browsers return at once. */
export function backoffMs(failures: number, random: number): number {
  const full = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures, 10));
  return Math.round(full / 2 + (full / 2) * random);
}

/** One socket to the server that comes back by itself and follows again what it followed. */
export class LiveSocket {
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private doubt: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private wasOpen = false;
  private closed = false;
  /** How many parts of the page follow each call; null stands for all live calls of the team. */
  private readonly followed = new Map<string | null, number>();
  private readonly refused = new Map<
    string | null,
    { timer: ReturnType<typeof setTimeout>; times: number }
  >();

  constructor(
    private readonly url: string,
    private readonly handlers: Handlers,
  ) {}

  open(): void {
    window.addEventListener("online", this.lookNow);
    window.addEventListener("offline", this.lookNow);
    document.addEventListener("visibilitychange", this.lookNow);
    document.addEventListener("resume", this.lookNow);
    this.connect();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    clearTimeout(this.doubt);
    this.noMoreRefused(this.refused.keys());
    window.removeEventListener("online", this.lookNow);
    window.removeEventListener("offline", this.lookNow);
    document.removeEventListener("visibilitychange", this.lookNow);
    document.removeEventListener("resume", this.lookNow);
    this.socket?.close();
  }

  follow(callId: string | null): void {
    const holders = this.followed.get(callId) ?? 0;
    this.followed.set(callId, holders + 1);
    if (holders === 0) this.send("follow", callId);
  }

  unfollow(callId: string | null): void {
    const holders = (this.followed.get(callId) ?? 1) - 1;
    if (holders > 0) {
      this.followed.set(callId, holders);
      return;
    }
    this.followed.delete(callId);
    this.noMoreRefused([callId]);
    this.send("unfollow", callId);
    this.handlers.onUnfollowed(callId);
  }

  /** The page or the network is back after a while, or the network has gone: a lost line is tried again at once, one that seems
   * open is tested. */
  private readonly lookNow = (): void => {
    if (document.visibilityState !== "visible" || this.closed) return;
    if (this.socket === null) {
      clearTimeout(this.timer);
      this.connect();
    } else if (this.socket.readyState === WebSocket.OPEN) this.askForAWord();
  };

  private askForAWord(): void {
    clearTimeout(this.doubt);
    this.socket?.send(JSON.stringify({ action: "ping" }));
    this.doubt = setTimeout(() => this.giveUp(), ANSWER_WITHIN_MS);
  }

  /** Does not wait for the other end to agree that this is the end: it does not answer. */
  private giveUp(): void {
    const socket = this.socket;
    if (socket === null) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
    this.lost(0);
  }

  private connect(): void {
    this.handlers.onState(this.wasOpen || this.failures > 0 ? "waiting" : "connecting");
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.onmessage = (message: MessageEvent<string>) => this.receive(message.data);
    socket.onclose = (event: CloseEvent) => this.lost(event.code);
    clearTimeout(this.doubt);
    this.doubt = setTimeout(() => this.giveUp(), OPEN_WITHIN_MS);
  }

  private receive(text: string): void {
    clearTimeout(this.doubt);
    this.doubt = setTimeout(() => this.askForAWord(), QUIET_MS);
    const { event } = JSON.parse(text) as { topic: string; event: ServerEvent | LineFrame };
    if (event.type === "pong") return;
    if (event.type === "ready") this.ready();
    else if (event.type === "following") {
      this.noMoreRefused([event.call_id]);
      this.handlers.onFollowing(event.call_id);
    } else if (event.type === "refused") this.askAgain(event.call_id);
    else this.handlers.onEvent(event);
  }

  /** A colleague's call is refused until its rep is told again who watches, as after a line that was lost for long. */
  private askAgain(callId: string | null): void {
    if (!this.followed.has(callId)) return;
    const times = this.refused.get(callId)?.times ?? 0;
    clearTimeout(this.refused.get(callId)?.timer);
    const wait = Math.min(REFUSED_LONGEST_MS, REFUSED_AGAIN_MS * 2 ** times);
    const timer = setTimeout(() => {
      this.refused.set(callId, { timer, times: times + 1 });
      this.send("follow", callId);
    }, wait);
    this.refused.set(callId, { timer, times });
  }

  private noMoreRefused(callIds: Iterable<string | null>): void {
    for (const callId of [...callIds]) {
      clearTimeout(this.refused.get(callId)?.timer);
      this.refused.delete(callId);
    }
  }

  private ready(): void {
    this.failures = 0;
    for (const callId of this.followed.keys()) this.send("follow", callId);
    this.handlers.onState("open");
    this.handlers.onReady();
    this.wasOpen = true;
  }

  private lost(code: number): void {
    this.socket = null;
    clearTimeout(this.doubt);
    this.noMoreRefused(this.refused.keys());
    if (this.closed) return;
    if (code === SIGNED_OUT) {
      this.close();
      this.handlers.onState("signed_out");
      return;
    }
    this.handlers.onState("waiting");
    this.timer = setTimeout(() => this.connect(), backoffMs(this.failures, Math.random()));
    this.failures += 1;
  }

  private send(action: "follow" | "unfollow", callId: string | null): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    const command = callId === null ? { action: `${action}_team` } : { action, call_id: callId };
    this.socket.send(JSON.stringify(command));
  }
}
