import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { memo, useMemo } from "react";
import type { WallCall, WallLine } from "../../api/types";
import { durationAfter, secondsLeftAfter, TEAM_STATUS_WORDS } from "../../calls/status";
import { watchedWords } from "../../calls/Watchers";
import { EyeIcon } from "../../components/icons";
import { Tag } from "../../components/Tag";
import { creditCounter } from "../../format/credits";
import { clock } from "../../format/time";
import { useSecond } from "./useSecond";
import classes from "./WallPage.module.css";

const AMBER_S = 60;
const RED_S = 15;

interface WallCardProps {
  call: WallCall;
  /** Whether it is the viewer's own. */
  own: boolean;
  onEnd: (call: WallCall) => void;
}

/** One live call: who talks with whom, how long, for how much, and what was said last. */
export const WallCard = memo(function WallCard({ call, own, onEnd }: WallCardProps) {
  return (
    <li className={classes.card} aria-label={`${call.user.name} with ${call.lead.name}`}>
      <div className={classes.who}>
        <strong>{call.user.name}</strong>
        <span className={classes.lead}>{call.lead.name}</span>
      </div>
      <div className={classes.state}>
        <Tag tone={call.status === "in_progress" ? "accent" : "plain"}>
          {call.ended_by ? `${call.ended_by.name} ends it` : TEAM_STATUS_WORDS[call.status]}
        </Tag>
        <Clock call={call} />
      </div>
      <dl className={classes.lines}>
        <Line side="agent" name={call.user.name} line={call.agent_line} />
        <Line side="callee" name={call.lead.name} line={call.callee_line} />
      </dl>
      <div className={classes.foot}>
        {call.watchers.length > 0 && (
          <span className={classes.watched}>
            <EyeIcon size={16} />
            {watchedWords(call.watchers)}
          </span>
        )}
        <span className={classes.acts}>
          {own ? (
            <Link to="/call" search={{ call: call.id, lead: call.lead.id }} data-row>
              Your call
            </Link>
          ) : (
            <Link
              to="/calls/$callId"
              params={{ callId: call.id }}
              preload={false}
              aria-label={`Watch ${call.user.name} with ${call.lead.name}`}
              data-row
            >
              Watch
            </Link>
          )}
          <Button
            variant="default"
            size="compact-sm"
            onClick={() => onEnd(call)}
            disabled={call.ended_by !== null}
            aria-label={`End the call of ${call.user.name} with ${call.lead.name}`}
          >
            End
          </Button>
        </span>
      </div>
    </li>
  );
});

function Clock({ call }: { call: WallCall }) {
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new `as_of` starts the stopwatch anew.
  const startedMs = useMemo(() => performance.now(), [call.as_of]);
  const sinceS = Math.max(0, (useSecond() - startedMs) / 1000);
  const left = secondsLeftAfter(call, sinceS);
  const soon = left !== null && left <= AMBER_S;
  return (
    <>
      <span className="num">
        {call.answered_at === null ? "–" : clock(durationAfter(call, sinceS))}
        <span className="visually-hidden"> of conversation</span>
      </span>
      <span className="num">{creditCounter(call.charged_mcredits)} credits</span>
      {soon && (
        <span className={`num ${left <= RED_S ? classes.red : classes.amber}`}>{clock(left)} left</span>
      )}
    </>
  );
}

function Line({ side, name, line }: { side: "agent" | "callee"; name: string; line: WallLine | null }) {
  return (
    <div className={classes[side]}>
      <dt className="visually-hidden">{name}</dt>
      <dd className={line === null ? classes.silent : undefined}>{line?.text ?? "Nothing yet"}</dd>
    </div>
  );
}
