import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { isWithdrawn } from "../../api/problem";
import { transcriptQuery } from "../../api/queries";
import type { CallWithSpeech } from "../../api/types";
import { RefuseText } from "../../calls/RefuseText";
import { isLive, isRefusable } from "../../calls/status";
import { TextState } from "../../calls/TextState";
import { Transcript } from "../../calls/Transcript";
import { ProblemNote } from "../../components/Note";
import { useFollow } from "../../live/Live";
import { emptyTranscript } from "../../live/transcript";
import classes from "./CallPage.module.css";

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
  const names = useMemo(() => ({ agent: "You", callee: call?.lead.name ?? "Lead" }), [call?.lead.name]);
  return (
    <>
      <div className={classes.textHead}>
        <TextState call={call} shortage={transcript.data?.shortage ?? null} away={away} />
        {call && isRefusable(call) && <RefuseText call={call} />}
      </div>
      {transcript.error && !away && (
        <div className={classes.banner}>
          <ProblemNote error={transcript.error} />
        </div>
      )}
      <Transcript text={transcript.data ?? emptyTranscript} names={names} correctable>
        {!isWithdrawn(transcript.error) && (
          <p className="quiet">
            {call && isRefusable(call)
              ? "What both of you say appears here while you speak."
              : `Nothing ${call && isLive(call.status) ? "is" : "was"} written down in this call.`}
          </p>
        )}
      </Transcript>
    </>
  );
}
