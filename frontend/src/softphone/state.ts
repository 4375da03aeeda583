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

export const QUIET = { callId: null, stage: "idle", muted: false, warnings: [] } as const;

let state: Softphone = {
  ...QUIET,
  failure: null,
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
