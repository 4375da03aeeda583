import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { answer, api } from "../../api/client";
import { keepAnswer } from "../../api/keepAnswer";
import { keys } from "../../api/keys";
import type { Call, CallWithSpeech } from "../../api/types";
import { RefusalNote } from "../../calls/RefusalNote";
import { STEPS, slowEndWords, slowStartWords, statusWords, stepOf } from "../../calls/status";
import { useCallClock } from "../../calls/useCallClock";
import { Watchers } from "../../calls/Watchers";
import { HangUpIcon } from "../../components/icons";
import { Note, ProblemNote } from "../../components/Note";
import { useDeliberate } from "../../components/useDeliberate";
import { useKey } from "../../components/useKey";
import { useLasting } from "../../components/useLasting";
import { creditCounter } from "../../format/credits";
import { clock } from "../../format/time";
import { SoundPanel } from "../../softphone/SoundPanel";
import { hangUp as endSound } from "../../softphone/softphone";
import { useSoftphone } from "../../softphone/state";
import classes from "./CallPage.module.css";

const AMBER_S = 60;
const RED_S = 15;
// From here on the lead hears the closing line, and buying comes too late.
const CLOSING_S = 7;
// A carrier that is well answers in a second or two.
const SLOW_MS = 10_000;

function alarm(secondsLeft: number): string | undefined {
  if (secondsLeft <= RED_S) return classes.red;
  return secondsLeft <= AMBER_S ? classes.amber : undefined;
}

/** The call that goes on: how far it is, how long, what it costs and how long the credits last. */
export function DuringPanel({ call }: { call: Call }) {
  const client = useQueryClient();
  const { durationS, secondsLeft } = useCallClock(call);
  // Whatever is bought, the call does not last longer.
  const limited =
    call.limit_s !== null && secondsLeft !== null && durationS + secondsLeft >= call.limit_s - 1;
  const hangUp = useMutation({
    mutationFn: () => {
      endSound(call.id);
      return answer(api.POST("/api/calls/{call_id}/hangup", { params: { path: { call_id: call.id } } }));
    },
    onSuccess: (next) =>
      keepAnswer<CallWithSpeech>(client, keys.calls.one(call.id), (held) =>
        held && next.sequence >= held.sequence ? { ...held, ...next } : held,
      ),
  });
  const ending = hangUp.isPending || hangUp.isSuccess || call.ended_by !== null;
  const status = call.ended_by !== null ? `${call.ended_by.name} ends the call` : "Hanging up";
  const endsSlowly = useLasting(ending, SLOW_MS);
  const soundIsHere = useSoftphone().callId === call.id;
  // A page that is not connected in time says so itself.
  const beginsSlowly = useLasting(!ending && call.status === "intended" && call.way === "phone", SLOW_MS);
  const mayPress = !ending || (endsSlowly && !hangUp.isPending);
  // The button appears where Call was: the second half of a double click on Call must not hang up.
  const press = useDeliberate(() => {
    if (mayPress) hangUp.mutate();
  });
  useKey("h", () => hangUp.mutate(), mayPress);
  const step = stepOf(call);
  return (
    <>
      <div className={classes.bar}>
        <div className={classes.timer} role="timer" aria-label="Length of the call">
          {clock(durationS)}
        </div>
        <Button color="red.9" size="md" leftSection={<HangUpIcon />} onClick={press} disabled={!mayPress}>
          Hang up
        </Button>
      </div>
      <ProblemNote error={hangUp.error} />
      {(endsSlowly || beginsSlowly) && (
        <Note tone="warn" role="alert" title="The carrier is slow">
          {endsSlowly ? slowEndWords(call, soundIsHere) : slowStartWords(call)}
        </Note>
      )}
      <RefusalNote key={`refusal-${call.id}`} call={call} />
      {call.way === "browser" && !ending && <SoundPanel call={call} />}
      <Watchers callId={call.id} />
      <p className="visually-hidden" role="status">
        {ending ? status : statusWords(call)}
      </p>
      <dl className={classes.facts}>
        <div>
          <dt>Status</dt>
          <dd>{ending ? status : statusWords(call)}</dd>
        </div>
        <div>
          <dt>Spent</dt>
          <dd>{creditCounter(call.charged_mcredits)} credits</dd>
        </div>
        <div>
          <dt>Time left</dt>
          <dd className={secondsLeft === null ? undefined : alarm(secondsLeft)}>
            {secondsLeft === null ? "Counts from the answer" : clock(secondsLeft)}
          </dd>
        </div>
      </dl>
      {secondsLeft !== null && secondsLeft <= AMBER_S && (
        <p role="alert">
          {limited ? (
            secondsLeft > CLOSING_S ? (
              "Your monthly limit ends this call soon."
            ) : (
              "Your monthly limit is reached: the lead is told that the call ends."
            )
          ) : secondsLeft > CLOSING_S ? (
            <>
              The credits end soon. <Link to="/credits">Buy more</Link> and the call goes on.
            </>
          ) : (
            "The credits are used up: the lead is told that the call ends."
          )}
        </p>
      )}
      {call.voicemail && (
        <p role="status" className={classes.amber}>
          A machine seems to have answered.
        </p>
      )}
      <ol className={classes.steps} aria-label="Steps of the call">
        {STEPS[call.way].map(({ status, label }, position) => (
          <li
            key={status}
            className={position === step ? classes.now : position < step ? classes.past : undefined}
            aria-current={position === step ? "step" : undefined}
          >
            {label}
          </li>
        ))}
      </ol>
    </>
  );
}
