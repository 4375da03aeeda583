import { useCallback, useMemo, useRef } from "react";

export interface Intent {
  /** The Idempotency-Key of what the person is about to do; the same until `done`. */
  key: () => string;
  /** The intent was carried out or refused for good: the next one gets a new key. */
  done: () => void;
}

/** One key per intent: a double click, a retry after a lost connection and a reload of the request send the same. */
export function useIntent(): Intent {
  const current = useRef<string | null>(null);
  const key = useCallback(() => {
    current.current ??= crypto.randomUUID();
    return current.current;
  }, []);
  const done = useCallback(() => {
    current.current = null;
  }, []);
  return useMemo(() => ({ key, done }), [key, done]);
}
