import { useSyncExternalStore } from "react";
import type { Way } from "../api/types";
import type { Failure } from "./words";

/**
 * The sound that this page carries.
 *
 * callId: of which call; null when of none. warnings: Twilio's names of what is wrong with it now. failure: how the last
 * one failed. way: as chosen in this page; null before. microphoneWorks: whether it was heard in this page.
 * input, output: the devices chosen, "" for the browser's own choice.
 */
export interface Softphone {
  callId: string | null;
  stage: "idle" | "connecting" | "open" | "reconnecting";
  muted: boolean;
  warnings: readonly string[];
  failure: { callId: string; why: Failure } | null;
  way: Way | null;
  microphoneWorks: boolean;
  input: string;
  output: string;
}

const LEFT = "leftCall";

export const QUIET = { callId: null, stage: "idle", muted: false, warnings: [] } as const;

/** The call whose sound this page carried until it was loaded anew. It is kept by the page's own place in the history. */
function leftCallId(): string | null {
  // Outside a browser there is no history.
  const kept: unknown = globalThis.history?.state?.[LEFT];
  return typeof kept === "string" ? kept : null;
}

/** For when the page may be about to go: it knows afterwards what became of its call. */
export function noteLeaving(): void {
  window.history.replaceState({ ...window.history.state, [LEFT]: state.callId }, "");
}

const left = leftCallId();
let state: Softphone = {
  ...QUIET,
  failure: left === null ? null : { callId: left, why: "left" },
  way: null,
  microphoneWorks: false,
  input: "",
  output: "",
};
const readers = new Set<() => void>();

export function softphone(): Softphone {
  return state;
}

export function update(change: Partial<Softphone>): void {
  state = { ...state, ...change };
  for (const read of readers) read();
}

function subscribe(read: () => void): () => void {
  readers.add(read);
  return () => readers.delete(read);
}

export function useSoftphone(): Softphone {
  return useSyncExternalStore(subscribe, softphone);
}
