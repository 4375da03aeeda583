import { Button } from "@mantine/core";
import { useState } from "react";
import type { CallWithSpeech } from "../../api/types";
import { EndCallDialog } from "../../calls/EndCallDialog";
import { RefusalNote } from "../../calls/RefusalNote";
import { TEAM_STATUS_WORDS } from "../../calls/status";
import { useCallClock } from "../../calls/useCallClock";
import { EyeIcon, HangUpIcon } from "../../components/icons";
import { Note } from "../../components/Note";
import { Panel } from "../../components/Page";
import { creditCounter } from "../../format/credits";
import { clock } from "../../format/time";
import classes from "./OneCallPage.module.css";

/** Told to who reads a colleague's live call along, as the rep is told who does. */
export function WatchNote({ call }: { call: CallWithSpeech }) {
  return (
    <Note tone="warn" role="status">
      <span className={classes.watching}>
        <EyeIcon size={16} />
        You are watching, and {call.user.name} sees it.
      </span>
    </Note>
  );
}

/** Beside a colleague's live call. on: whether the rep is told who watches, so that its text is shown. */
export function WatchedSide({ call, on }: { call: CallWithSpeech; on: boolean }) {
  const [ending, setEnding] = useState(false);
  const { durationS, secondsLeft } = useCallClock(call);
  const facts: [string, string][] = [
    ["Rep", call.user.name],
    ["Status", call.ended_by ? `${call.ended_by.name} ends the call` : TEAM_STATUS_WORDS[call.status]],
    ["Length", clock(durationS)],
    ["Spent", `${creditCounter(call.charged_mcredits)} credits`],
    ["Time left", secondsLeft === null ? "Counts from the answer" : clock(secondsLeft)],
  ];
  return (
    <div className={classes.side}>
      {on && <RefusalNote call={call} />}
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
      {ending && <EndCallDialog call={call} onClose={() => setEnding(false)} />}
    </div>
  );
}
