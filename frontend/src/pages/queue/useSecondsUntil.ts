import { useEffect, useState } from "react";

const secondsUntil = (iso: string): number => Math.max(0, Math.ceil((Date.parse(iso) - Date.now()) / 1000));

/** Whole seconds until then, counted down. */
export function useSecondsUntil(iso: string): number {
  const [left, setLeft] = useState(() => secondsUntil(iso));
  useEffect(() => {
    setLeft(secondsUntil(iso));
    const timer = setInterval(() => setLeft(secondsUntil(iso)), 1_000);
    return () => clearInterval(timer);
  }, [iso]);
  return left;
}
