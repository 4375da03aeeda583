import { useSyncExternalStore } from "react";

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let nowMs = performance.now();

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) {
    nowMs = performance.now();
    timer = setInterval(() => {
      nowMs = performance.now();
      for (const each of listeners) each();
    }, 1_000);
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) clearInterval(timer);
  };
}

/** This browser's stopwatch in ms, anew each second; one timer however many clocks are shown. */
export function useSecond(): number {
  return useSyncExternalStore(subscribe, () => nowMs);
}
