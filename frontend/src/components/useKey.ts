import { useEffect, useRef } from "react";

const TYPING = "input, textarea, select, [contenteditable=true], [role=dialog]";

/** Runs `act` when the key is pressed outside fields and dialogs, without Ctrl, Alt or Cmd. */
export function useKey(key: string, act: () => void, enabled = true): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    if (!enabled) return;
    function pressed(event: KeyboardEvent): void {
      if (event.key !== key || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (event.target instanceof Element && event.target.closest(TYPING)) return;
      event.preventDefault();
      latest.current();
    }
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, [key, enabled]);
}
