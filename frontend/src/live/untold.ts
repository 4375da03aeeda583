import type { QueryClient } from "@tanstack/react-query";
import { changeHeld } from "../api/keepAnswer";
import { keys } from "../api/keys";
import { silent, type Transcript } from "./transcript";

/** Takes away what somebody was just saying, in one call or else in all: how it went on is not told to this page. Whoever still
 * speaks is heard again with their next words.
 *
 * callId: null stands for the team's calls, of which only settled lines are told.
 */
export function forgetInterim(client: QueryClient, callId?: string | null): void {
  if (callId === null) return;
  const key = callId === undefined ? keys.calls.transcripts : keys.calls.transcript(callId);
  changeHeld<Transcript>(client, key, silent);
}
