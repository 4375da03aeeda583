import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { transcriptQuery } from "../../api/queries";
import type { CallWithSpeech } from "../../api/types";
import { RefuseText } from "../../calls/RefuseText";
import { isLive, isRefusable, shortageWords, transcriptWords } from "../../calls/status";
import { Transcript } from "../../calls/Transcript";
import { ProblemNote } from "../../components/Note";
import { useFollow } from "../../live/Live";
import { emptyTranscript, type Shortage } from "../../live/transcript";
import classes from "./CallPage.module.css";

const SHORTAGE_HOLDS_MS = 15_000;

interface CallTextProps {
  callId: string;
  call: CallWithSpeech | undefined;
  refetchInterval: number | false;
  /** The page says already that the server does not answer. */
  away: boolean;
}

/** What is said in a call, while it goes on and afterwards. */
export function CallText({ callId, call, refetchInterval, away }: CallTextProps) {
  useFollow(callId);
  const transcript = useQuery({ ...transcriptQuery(callId), refetchInterval });
  const shortage = useWhileTold(transcript.data?.shortage ?? null);
  const names = useMemo(() => ({ agent: "You", callee: call?.lead.name ?? "Lead" }), [call?.lead.name]);
  return (
    <>
      <div className={classes.textHead}>
        <p role="status">
          {call ? transcriptWords(call) : "Loading the call"}
          {shortage && <span className={classes.shortage}>{shortageWords(shortage.level)}</span>}
        </p>
        {call && isRefusable(call) && <RefuseText call={call} />}
      </div>
      {transcript.error && !away && (
        <div className={classes.banner}>
          <ProblemNote error={transcript.error} />
        </div>
      )}
      <Transcript text={transcript.data ?? emptyTranscript} names={names} correctable>
        <p className="quiet">
          {call && isRefusable(call)
            ? "What both of you say appears here while you speak."
            : `Nothing ${call && isLive(call.status) ? "is" : "was"} written down in this call.`}
        </p>
      </Transcript>
    </>
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
