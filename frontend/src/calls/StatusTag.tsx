import type { Call, CallStatus } from "../api/types";
import { Tag, type Tone } from "../components/Tag";
import { DISPOSITION_WORDS, isLive, STATUS_WORDS } from "./status";

function tone(status: CallStatus): Tone {
  if (isLive(status)) return "accent";
  if (status === "failed") return "bad";
  return status === "busy" || status === "no_answer" ? "warn" : "plain";
}

/** How a call stands or ended; what the rep made of it, once that is known. */
export function StatusTag({ call }: { call: Pick<Call, "status" | "disposition"> }) {
  if (call.disposition) return <Tag tone="good">{DISPOSITION_WORDS[call.disposition]}</Tag>;
  return <Tag tone={tone(call.status)}>{STATUS_WORDS[call.status]}</Tag>;
}
