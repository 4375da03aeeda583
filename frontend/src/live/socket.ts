import type { ServerEvent } from "../api/types";

/** What the person may know about the line: connecting at first, open, waiting to try again, or ended by sign-out. */
export type LineState = "connecting" | "open" | "waiting" | "signed_out";

interface Handlers {
  onEvent: (event: ServerEvent) => void;
  onState: (state: LineState) => void;
  /** The line is open: whatever was said before, the server must be asked for. */
  onReady: () => void;
  /** This call's events arrive from now on; what it said before must be asked for. */
  onFollowing: (callId: string) => void;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
const SIGNED_OUT = 4401;

/** What the server says about the line itself, beside the events of the workspace. */
type LineFrame =
  | { type: "ready" }
  | { type: "following"; call_id: string }
  | { type: "refused"; call_id: string; code: string };

/** How long to wait before the nth try, halved to whole at random, so that not all browsers return at once. */
export function backoffMs(failures: number, random: number): number {
  const full = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures, 10));
  return Math.round(full / 2 + (full / 2) * random);
}

/** One socket to the server that comes back by itself and follows again what it followed. */
export class LiveSocket {
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private wasOpen = false;
  private closed = false;
  private readonly followed = new Map<string, number>();

  constructor(
    private readonly url: string,
    private readonly handlers: Handlers,
  ) {}

  open(): void {
    window.addEventListener("online", this.retryNow);
    document.addEventListener("visibilitychange", this.retryNow);
    this.connect();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    window.removeEventListener("online", this.retryNow);
    document.removeEventListener("visibilitychange", this.retryNow);
    this.socket?.close();
  }

  follow(callId: string): void {
    const holders = this.followed.get(callId) ?? 0;
    this.followed.set(callId, holders + 1);
    if (holders === 0) this.send({ action: "follow", call_id: callId });
  }

  unfollow(callId: string): void {
    const holders = (this.followed.get(callId) ?? 1) - 1;
    if (holders > 0) {
      this.followed.set(callId, holders);
      return;
    }
    this.followed.delete(callId);
    this.send({ action: "unfollow", call_id: callId });
  }

  private readonly retryNow = (): void => {
    if (document.visibilityState !== "visible" || this.socket !== null || this.closed) return;
    clearTimeout(this.timer);
    this.connect();
  };

  private connect(): void {
    this.handlers.onState(this.wasOpen || this.failures > 0 ? "waiting" : "connecting");
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.onmessage = (message: MessageEvent<string>) => this.receive(message.data);
    socket.onclose = (event: CloseEvent) => this.lost(event.code);
  }

  private receive(text: string): void {
    const { event } = JSON.parse(text) as { topic: string; event: ServerEvent | LineFrame };
    if (event.type === "ready") this.ready();
    else if (event.type === "following") this.handlers.onFollowing(event.call_id);
    else if (event.type !== "refused") this.handlers.onEvent(event);
  }

  private ready(): void {
    this.failures = 0;
    for (const callId of this.followed.keys()) this.send({ action: "follow", call_id: callId });
    this.handlers.onState("open");
    this.handlers.onReady();
    this.wasOpen = true;
  }

  private lost(code: number): void {
    this.socket = null;
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

  private send(command: { action: "follow" | "unfollow"; call_id: string }): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(command));
  }
}
