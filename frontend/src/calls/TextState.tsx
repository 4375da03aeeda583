import { useEffect, useState } from "react";
import type { CallWithSpeech } from "../api/types";
import { useLasting } from "../components/useLasting";
import { useLine } from "../live/Live";
import type { Shortage } from "../live/transcript";
import { isLive, shortageWords, transcriptWords } from "./status";
import classes from "./TextState.module.css";

const SHORTAGE_HOLDS_MS = 15_000;
// A line that comes back sooner has cost nobody a word.
const LOST_AFTER_MS = 2_000;
const LATE = "No live connection: each line comes some seconds later.";

interface TextStateProps {
  call: CallWithSpeech | undefined;
  shortage: Shortage | null;
  /** The page says already that the server does not answer. */
  away: boolean;
}

/** Whether what is said gets written down, what the recognisers leave out for lack of time, and why the text comes late; said to whoever
 * reads along. */
export function TextState({ call, shortage, away }: TextStateProps) {
  const told = useWhileTold(shortage);
  const { state } = useLine();
  const isWrittenDown = call !== undefined && isLive(call.status) && call.transcript_state === "on";
  const isLate = useLasting(state === "waiting" && isWrittenDown && !away, LOST_AFTER_MS);
  return (
    <p role="status" className={classes.state}>
      {call ? transcriptWords(call) : "Loading the call"}
      {isLate && <span className={classes.shortage}>{LATE}</span>}
      {told && <span className={classes.shortage}>{shortageWords(told.level)}</span>}
    </p>
  );
}

/** The server says it again and again while it holds; once it falls silent, so does the page. */
function useWhileTold(shortage: Shortage | null): Shortage | null {
  const [ended, setEnded] = useState<Shortage | null>(null);
  useEffect(() => {
    if (shortage === null) return;
    const timer = setTimeout(() => setEnded(shortage), SHORTAGE_HOLDS_MS);
    return () => clearTimeout(timer);
  }, [shortage]);
  return shortage === ended ? null : shortage;
}
