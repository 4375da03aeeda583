import { useEffect, useRef } from "react";

/** In these a key is part of what somebody writes or answers. */
export const TYPING = "input, textarea, select, [contenteditable=true], [role=dialog]";
// A key that follows another this soon is part of a word that missed its field, and must not end a call.
const WORD_MS = 400;

const strokes = { last: Number.NEGATIVE_INFINITY, before: Number.NEGATIVE_INFINITY };

/** Whether the stroke stands alone. Every listener of one stroke gets the same answer. */
function standsAlone(event: KeyboardEvent): boolean {
  if (event.timeStamp !== strokes.last) {
    strokes.before = strokes.last;
    strokes.last = event.timeStamp;
  }
  return event.timeStamp - strokes.before > WORD_MS;
}

/** Runs `act` when the key is pressed alone, outside fields and dialogs, without Ctrl, Alt or Cmd. */
export function useKey(key: string, act: () => void, enabled = true): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    function pressed(event: KeyboardEvent): void {
      if (event.key.length > 1) return;
      const alone = standsAlone(event);
      if (!enabled || !alone || event.key !== key || event.repeat) return;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target instanceof Element && event.target.closest(TYPING)) return;
      event.preventDefault();
      latest.current();
    }
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, [key, enabled]);
}
