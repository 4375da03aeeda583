import { useRef } from "react";

// The second half of a double click on what stood here before.
const STRAY_CLICK_MS = 700;

/** For what appears where something else was pressed a moment ago: clicks that cannot be meant for it yet do nothing. */
export function useDeliberate(act: () => void): () => void {
  const shownAtMs = useRef(performance.now());
  return () => {
    if (performance.now() - shownAtMs.current > STRAY_CLICK_MS) act();
  };
}
