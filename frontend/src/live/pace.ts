import { hashKey, type QueryClient, type QueryKey } from "@tanstack/react-query";
import { askAfresh } from "../api/keepAnswer";

/** How often something is asked again, however often it may have changed.
 *
 * everyMs: at most so often. atOnce: the first time at once, else after that time. */
export interface Pace {
  everyMs: number;
  atOnce: boolean;
}

export const SOON: Pace = { everyMs: 2_000, atOnce: true };
export const WHEN_CALLS_BEGIN: Pace = { everyMs: 5_000, atOnce: true };
export const WHILE_WAITING: Pace = { everyMs: 5_000, atOnce: false };
export const BY_THE_MINUTE: Pace = { everyMs: 60_000, atOnce: true };
export const NOW_AND_THEN: Pace = { everyMs: 30_000, atOnce: false };

interface Asked {
  atMs: number;
  due?: { atMs: number; timer: ReturnType<typeof setTimeout> };
}

/** Asks the server again for what events may have changed, each question at its pace. The last change is never lost: after it
 * the question is asked once more.
 *
 * jitter: [0, 1), this page's own; it makes every time up to half as long again, so that not all pages ask in one moment. */
export class Pacer {
  private readonly asked = new Map<string, Asked>();

  constructor(
    private readonly client: QueryClient,
    private readonly jitter: number,
  ) {}

  ask(key: QueryKey, { everyMs, atOnce }: Pace): void {
    const name = hashKey(key);
    const asked = this.asked.get(name) ?? { atMs: Number.NEGATIVE_INFINITY };
    this.asked.set(name, asked);
    const now = Date.now();
    const pauseMs = everyMs * (1 + this.jitter / 2);
    const dueMs = Math.max(now, (atOnce ? asked.atMs : now) + pauseMs);
    if (asked.due !== undefined && asked.due.atMs <= dueMs) return;
    clearTimeout(asked.due?.timer);
    const timer = setTimeout(() => {
      this.asked.set(name, { atMs: Date.now() });
      void this.askNow(key);
    }, dueMs - now);
    asked.due = { atMs: dueMs, timer };
  }

  /** Forgets what is still to be asked; whoever connects anew asks for everything. */
  stop(): void {
    for (const { due } of this.asked.values()) clearTimeout(due?.timer);
    this.asked.clear();
  }

  /** An answer that is on its way may be older than the change; it is let in, or slow answers would never be. */
  private async askNow(key: QueryKey): Promise<void> {
    await this.client.invalidateQueries({ queryKey: key, exact: true, refetchType: "none" });
    const isShown = this.client.getQueryCache().find({ queryKey: key, exact: true, type: "active" });
    if (isShown !== undefined) await askAfresh(this.client, key);
  }
}
