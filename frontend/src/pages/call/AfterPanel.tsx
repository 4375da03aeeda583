import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Call } from "../../api/types";
import { CallAgain } from "../../calls/CallAgain";
import { DispositionField } from "../../calls/DispositionField";
import { ReceiptView } from "../../calls/ReceiptView";
import { RefusalNote } from "../../calls/RefusalNote";
import { endWords, STATUS_WORDS } from "../../calls/status";
import { clock } from "../../format/time";
import { FailureNote } from "../../softphone/FailureNote";
import classes from "./CallPage.module.css";

/** The call is over: how it ended, what it cost and what came of it. */
export function AfterPanel({ call }: { call: Call }) {
  return (
    <>
      <div className={classes.bar}>
        <h2>{STATUS_WORDS[call.status]}</h2>
        <div className={classes.timer}>{clock(call.duration_s)}</div>
        {call.end_reason && <p className="quiet">{endWords(call)}</p>}
        <Link to="/calls/$callId" params={{ callId: call.id }}>
          {call.answered_at ? "Open the call with its insights" : "Open the call"}
        </Link>
      </div>
      <FailureNote callId={call.id} />
      <RefusalNote call={call} />
      <section className="stack" aria-label="Receipt">
        <h2>Receipt</h2>
        <ReceiptView callId={call.id} />
      </section>
      <DispositionField call={call} />
    </>
  );
}

/** And on to the next. */
export function AfterActs({ call, onNext }: { call: Call; onNext?: () => void }) {
  return (
    <div className="row">
      <CallAgain call={call} />
      {onNext && (
        <Button variant="default" onClick={onNext}>
          Next lead
        </Button>
      )}
    </div>
  );
}
