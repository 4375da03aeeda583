import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useRef } from "react";
import type { Call } from "../../api/types";
import { CallAgain } from "../../calls/CallAgain";
import { DispositionField } from "../../calls/DispositionField";
import { NotesField } from "../../calls/NotesField";
import { ReceiptView } from "../../calls/ReceiptView";
import { RefusalNote } from "../../calls/RefusalNote";
import { endWords, STATUS_WORDS } from "../../calls/status";
import { useKey } from "../../components/useKey";
import { clock } from "../../format/time";
import { FailureNote } from "../../softphone/FailureNote";
import classes from "./CallPage.module.css";

/** The call is over: how it ended, what it cost, what came of it, and on to the next. */
export function AfterPanel({ call, onNext }: { call: Call; onNext?: () => void }) {
  const notes = useRef<HTMLTextAreaElement>(null);
  useKey("n", () => notes.current?.focus());
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
      <RefusalNote key={`refusal-${call.id}`} call={call} />
      <section className="stack" aria-label="Receipt">
        <h2>Receipt</h2>
        <ReceiptView callId={call.id} />
      </section>
      <DispositionField key={`outcome-${call.id}`} call={call} />
      <NotesField key={`notes-${call.id}`} call={call} field={notes} />
      <div className="row">
        <CallAgain call={call} />
        {onNext && (
          <Button variant="default" onClick={onNext}>
            Next lead
          </Button>
        )}
      </div>
    </>
  );
}
