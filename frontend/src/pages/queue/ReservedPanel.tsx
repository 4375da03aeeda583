import { Button, Kbd } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { keepAnswer } from "../../api/keepAnswer";
import { keys } from "../../api/keys";
import type { Call, Lead, Queue, SkipReason } from "../../api/types";
import { SKIP_WORDS } from "../../calls/status";
import { useKey } from "../../components/useKey";
import { clock } from "../../format/time";
import { BeforePanel } from "../call/BeforePanel";
import { KeyChoices } from "./KeyChoices";
import { useSecondsUntil } from "./useSecondsUntil";

const REASONS = Object.entries(SKIP_WORDS).map(([value, label]) => ({ value: value as SkipReason, label }));

interface ReservedProps {
  lead: Lead;
  /** ISO. */
  until: string;
  waits: boolean;
  onSkip: (reason: SkipReason) => void;
}

/** The reserved lead: call or skip, and how long it is kept. */
export function ReservedPanel({ lead, until, waits, onSkip }: ReservedProps) {
  const client = useQueryClient();
  const [skipping, setSkipping] = useState(false);
  useKey("s", () => setSkipping((now) => !now));
  // What the server says of the queue now already tells of the call.
  function started(call: Call): void {
    keepAnswer<Queue | null>(
      client,
      keys.queue.state,
      (held) => held && { ...held, lead: null, reserved_until: null, call, called: held.called + 1 },
    );
  }
  return (
    <BeforePanel lead={lead} onStarted={started}>
      <Button variant="default" onClick={() => setSkipping((now) => !now)} aria-expanded={skipping}>
        Skip <Kbd ml={8}>s</Kbd>
      </Button>
      {skipping && (
        <KeyChoices label="Why" choices={REASONS} chosen={null} disabled={waits} onChoose={onSkip} focused />
      )}
      <Kept until={until} />
    </BeforePanel>
  );
}

function Kept({ until }: { until: string }) {
  const client = useQueryClient();
  const left = useSecondsUntil(until);
  useEffect(() => {
    if (left === 0) void client.invalidateQueries({ queryKey: keys.queue.state });
  }, [left, client]);
  return (
    <p className="num quiet">{left > 0 ? `Kept for you for ${clock(left)}` : "No longer kept for you"}</p>
  );
}
