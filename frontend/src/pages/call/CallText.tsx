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
import { useDialCheck } from "./BeforePanel";
import classes from "./CallPage.module.css";

interface CallTextProps {
  callId: string;
  call: CallWithSpeech | undefined;
  refetchInterval: number | false;
  /** The page says already that the server does not answer. */
  away: boolean;
}

/** What is said in a call, while it goes on and afterwards. */
export function CallText({ callId, call: told, refetchInterval, away }: CallTextProps) {
  useFollow(callId);
  const call = useRefusedBefore(told);
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

/** The call as it will be: that its lead refused text in an earlier one is in its own state only once the notice has been played. */
function useRefusedBefore(call: CallWithSpeech | undefined): CallWithSpeech | undefined {
  const isAhead = call?.transcript_state === "waiting_for_notice" && isLive(call.status);
  const { data: check } = useDialCheck(isAhead ? call.lead.id : undefined);
  return isAhead && check?.text_refused ? { ...call, transcript_state: "refused" } : call;
}
