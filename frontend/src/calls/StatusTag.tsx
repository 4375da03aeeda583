import type { Call, CallStatus, Result } from "../api/types";
import { Tag, type Tone } from "../components/Tag";
import { isLive, RESULT_WORDS, STATUS_WORDS } from "./status";

const UNANSWERED = new Set<CallStatus | Result>(["busy", "no_answer", "voicemail"]);

function tone(state: CallStatus | Result): Tone {
  if (state === "failed") return "bad";
  return UNANSWERED.has(state) ? "warn" : "plain";
}

/** How a call stands or ended; what the rep made of it, once that is known. */
export function StatusTag({ call }: { call: Pick<Call, "status" | "outcome" | "disposition"> }) {
  if (call.disposition) return <Tag tone="good">{RESULT_WORDS[call.disposition]}</Tag>;
  if (isLive(call.status)) return <Tag tone="accent">{STATUS_WORDS[call.status]}</Tag>;
  if (call.outcome === null) return <Tag>{STATUS_WORDS[call.status]}</Tag>;
  return <ResultTag result={call.outcome} />;
}

/** What came of a call, the rep's word or the carrier's. */
export function ResultTag({ result }: { result: Result }) {
  return <Tag tone={tone(result)}>{RESULT_WORDS[result]}</Tag>;
}
