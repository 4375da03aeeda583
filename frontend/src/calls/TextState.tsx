import { useEffect, useState } from "react";
import type { CallWithSpeech } from "../api/types";
import { useLine } from "../live/Live";
import type { Shortage } from "../live/transcript";
import { isLive, shortageWords, transcriptWords } from "./status";
import classes from "./TextState.module.css";

const SHORTAGE_HOLDS_MS = 15_000;
const STANDS_STILL = "No connection: the text stands still until it is back.";

interface TextStateProps {
  call: CallWithSpeech | undefined;
  shortage: Shortage | null;
}

/** Whether what is said gets written down, and what the recognisers leave out for lack of time; said to whoever reads along. */
export function TextState({ call, shortage }: TextStateProps) {
  const told = useWhileTold(shortage);
  const { state } = useLine();
  return (
    <p role="status" className={classes.state}>
      {call ? transcriptWords(call) : "Loading the call"}
      {state === "waiting" && call && isLive(call.status) && (
        <span className={classes.shortage}>{STANDS_STILL}</span>
      )}
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
