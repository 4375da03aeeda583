import { Link } from "@tanstack/react-router";
import type { Call, Disposition } from "../../api/types";
import { RefusalNote } from "../../calls/RefusalNote";
import { canHaveCome, DISPOSITION_WORDS, endWords, RESULT_WORDS, STATUS_WORDS } from "../../calls/status";
import { useDisposition } from "../../calls/useDisposition";
import { ProblemNote } from "../../components/Note";
import { clock } from "../../format/time";
import { FailureNote } from "../../softphone/FailureNote";
import shared from "../call/CallPage.module.css";
import { KeyChoices } from "./KeyChoices";

const CHOICES = Object.entries(DISPOSITION_WORDS).map(([value, label]) => ({
  value: value as Disposition,
  label,
}));

/** The call is over: what came of it by a press of a number. */
export function AfterQueueCall({ call }: { call: Call }) {
  const { chosen, choose, error } = useDisposition(call);
  return (
    <>
      <div className={shared.bar}>
        <h2>{call.outcome ? RESULT_WORDS[call.outcome] : STATUS_WORDS[call.status]}</h2>
        <div className={shared.timer}>{clock(call.duration_s)}</div>
        <p className="quiet">
          With {call.lead.name}. {call.end_reason && endWords(call)}
        </p>
        <Link to="/calls/$callId" params={{ callId: call.id }}>
          Open the call
        </Link>
      </div>
      <FailureNote callId={call.id} />
      <RefusalNote call={call} />
      <KeyChoices
        label="How did it go?"
        choices={CHOICES.map((one) => ({
          ...one,
          off: one.value !== chosen && !canHaveCome(one.value, call),
        }))}
        chosen={chosen}
        onChoose={(value) => choose(value === chosen ? null : value)}
      />
      <ProblemNote error={error} />
    </>
  );
}
