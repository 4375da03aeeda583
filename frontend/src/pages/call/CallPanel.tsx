import { type ReactNode, useRef } from "react";
import type { Call } from "../../api/types";
import { NotesField } from "../../calls/NotesField";
import { isLive } from "../../calls/status";
import { useKey } from "../../components/useKey";
import { DuringPanel } from "./DuringPanel";

interface CallPanelProps {
  call: Call;
  /** What is above and below the notes once the call is over. */
  after: ReactNode;
  acts: ReactNode;
}

/** A call from its first ring until after its end. The notes stay where they are: whoever writes while the other hangs up writes on. */
export function CallPanel({ call, after, acts }: CallPanelProps) {
  const notes = useRef<HTMLTextAreaElement>(null);
  useKey("n", () => notes.current?.focus());
  const live = isLive(call.status);
  return (
    <>
      {live ? <DuringPanel call={call} /> : after}
      <NotesField call={call} field={notes} />
      {!live && acts}
    </>
  );
}
