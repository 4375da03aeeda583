import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { transcriptQuery } from "../../api/queries";
import type { CallWithSpeech } from "../../api/types";
import { EndCallDialog } from "../../calls/EndCallDialog";
import { RefusalNote } from "../../calls/RefusalNote";
import { TEAM_STATUS_WORDS } from "../../calls/status";
import { TextState } from "../../calls/TextState";
import { Transcript } from "../../calls/Transcript";
import { useCallClock } from "../../calls/useCallClock";
import { EyeIcon, HangUpIcon } from "../../components/icons";
import { Note, ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { creditCounter } from "../../format/credits";
import { clock } from "../../format/time";
import { useFollow } from "../../live/Live";
import { emptyTranscript } from "../../live/transcript";
import classes from "./OneCallPage.module.css";
import { useWatch } from "./useWatch";

/** A colleague's live call, to read along. Its text appears only once the rep is told who is there. */
export function WatchedCall({ call }: { call: CallWithSpeech }) {
  const watch = useWatch(call.id);
  const [ending, setEnding] = useState(false);
  useFollow(watch.on ? call.id : undefined);
  const transcript = useQuery({ ...transcriptQuery(call.id), enabled: watch.on });
  const { durationS, secondsLeft } = useCallClock(call);
  const names = useMemo(
    () => ({ agent: call.user.name, callee: call.lead.name }),
    [call.user.name, call.lead.name],
  );
  const facts: [string, string][] = [
    ["Rep", call.user.name],
    ["Status", call.ended_by ? `${call.ended_by.name} ends the call` : TEAM_STATUS_WORDS[call.status]],
    ["Length", clock(durationS)],
    ["Spent", `${creditCounter(call.charged_mcredits)} credits`],
    ["Time left", secondsLeft === null ? "Counts from the answer" : clock(secondsLeft)],
  ];
  return (
    <>
      {watch.on && (
        <Note tone="warn" role="status">
          <span className={classes.watching}>
            <EyeIcon size={16} />
            You are watching, and {call.user.name} sees it.
          </span>
        </Note>
      )}
      <div className={classes.columns}>
        <section className={classes.text} aria-label="What is said">
          <ProblemNote error={watch.error ?? transcript.error} />
          {watch.on && (
            <div className={classes.textHead}>
              <TextState call={call} shortage={transcript.data?.shortage ?? null} />
            </div>
          )}
          <Transcript text={(watch.on && transcript.data) || emptyTranscript} names={names} />
        </section>
        <div className={classes.side}>
          {watch.on && <RefusalNote call={call} />}
          <Panel title="This call">
            <dl className={classes.talk}>
              {facts.map(([name, value]) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>{value}</dd>
                </div>
              ))}
            </dl>
            <div>
              <Button
                variant="default"
                leftSection={<HangUpIcon />}
                onClick={() => setEnding(true)}
                disabled={call.ended_by !== null}
              >
                End the call
              </Button>
            </div>
          </Panel>
        </div>
      </div>
      {ending && <EndCallDialog call={call} onClose={() => setEnding(false)} />}
    </>
  );
}
