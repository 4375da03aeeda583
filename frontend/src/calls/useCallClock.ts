import { useEffect, useMemo, useState } from "react";
import type { Call } from "../api/types";
import { durationAfter, secondsLeftAfter } from "./status";

export interface CallClock {
  durationS: number;
  secondsLeft: number | null;
}

/** Counts on from what the server said last, by this browser's own stopwatch: its wall clock may be wrong. */
export function useCallClock(
  call: Pick<Call, "status" | "duration_s" | "seconds_left" | "as_of"> | null | undefined,
): CallClock {
  const asOf = call?.as_of;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new `as_of` starts the stopwatch anew.
  const startedMs = useMemo(() => performance.now(), [asOf]);
  const [nowMs, setNowMs] = useState(() => performance.now());
  const running = call?.status === "in_progress";
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setNowMs(performance.now()), 250);
    return () => clearInterval(timer);
  }, [running]);
  if (!call) return { durationS: 0, secondsLeft: null };
  const sinceS = Math.max(0, (nowMs - startedMs) / 1000);
  return { durationS: durationAfter(call, sinceS), secondsLeft: secondsLeftAfter(call, sinceS) };
}
