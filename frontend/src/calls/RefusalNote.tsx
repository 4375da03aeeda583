import { Button, Kbd } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { answer, api } from "../api/client";
import { keepAnswer } from "../api/keepAnswer";
import { keys } from "../api/keys";
import { leadQuery, transcriptQuery } from "../api/queries";
import type { Call, Segment } from "../api/types";
import { Note, ProblemNote } from "../components/Note";
import { useDeliberate } from "../components/useDeliberate";
import { useKey } from "../components/useKey";
import { clockMs } from "../format/time";
import { settled, type Transcript } from "../live/transcript";

interface RefusalNoteProps {
  call: Call;
  /** Lines that ask for no more calls and stand beside the note already; else those that are marked so, which it quotes. */
  beside?: readonly Segment[];
}

/** The lead seems to ask for no more calls: what was said, and one press that puts the number on the do-not-call list. */
export function RefusalNote({ call, beside }: RefusalNoteProps) {
  // Whoever shows the text of the call has asked for it.
  const { data: text } = useQuery({ ...transcriptQuery(call.id), enabled: false });
  const lines = beside ?? text?.segments.filter((segment) => segment.refusal !== null) ?? [];
  const open = lines.filter((segment) => segment.refusal !== "dismissed");
  const newest = open.at(-1);
  const lead = useQuery({ ...leadQuery(call.lead.id), enabled: lines.length > 0 });
  const [dismissed, setDismissed] = useState<readonly Segment[]>([]);
  const suppress = useSuppression(call.lead.id);
  const dismissal = useDismissal(call.id);
  const callable = lead.data?.suppressed === false && lead.data.erased_at === null;

  function dismiss(segments: readonly Segment[], wanted: boolean): void {
    dismissal.mutate({ segments, wanted }, { onSuccess: () => setDismissed(wanted ? segments : []) });
  }

  if (suppress.isSuccess) {
    return (
      <Note tone="good" role="status">
        {call.lead.name} is not called again from this workspace.
      </Note>
    );
  }
  if (newest && callable) {
    return (
      <Offer
        key={newest.id}
        size={beside ? "compact-sm" : "sm"}
        title={beside ? undefined : `${call.lead.name} seems to ask not to be called`}
        busy={suppress.isPending ? "suppress" : dismissal.isPending ? "dismiss" : null}
        onSuppress={suppress.mutate}
        onDismiss={() => dismiss(open, true)}
      >
        {beside ? (
          "Kept even when the lead is removed and added anew."
        ) : (
          <>
            <span className="num">{clockMs(newest.start_ms)}</span> “{newest.text}”
          </>
        )}
        <ProblemNote error={suppress.error ?? dismissal.error} />
      </Offer>
    );
  }
  if (dismissed.length === 0 || !callable) return null;
  return (
    <Note role="status">
      <div className="row">
        Not counted as a wish.
        <Button
          variant="default"
          size="compact-sm"
          loading={dismissal.isPending}
          onClick={() => dismiss(dismissed, false)}
        >
          Undo
        </Button>
      </div>
      <ProblemNote error={dismissal.error} />
    </Note>
  );
}

interface OfferProps {
  size: "sm" | "compact-sm";
  title: string | undefined;
  busy: "suppress" | "dismiss" | null;
  onSuppress: () => void;
  onDismiss: () => void;
  children: ReactNode;
}

function Offer({ size, title, busy, onSuppress, onDismiss, children }: OfferProps) {
  // It pushes down what somebody may be about to press.
  const suppress = useDeliberate(onSuppress);
  useKey("d", onSuppress, busy === null);
  return (
    <Note
      tone="warn"
      role="status"
      title={title}
      action={
        <div className="row">
          <Button color="red.9" size={size} loading={busy === "suppress"} onClick={suppress}>
            Never call again <Kbd ml={8}>d</Kbd>
          </Button>
          <Button variant="default" size={size} loading={busy === "dismiss"} onClick={onDismiss}>
            Not meant so
          </Button>
        </div>
      }
    >
      {children}
    </Note>
  );
}

/** Puts the lead's number on the workspace's do-not-call list. */
function useSuppression(leadId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/leads/{lead_id}/suppression", {
          params: { path: { lead_id: leadId } },
          body: { reason: "asked_not_to_be_called" },
        }),
      ),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.leads.all });
      await client.invalidateQueries({ queryKey: keys.queue.state });
    },
  });
}

function useDismissal(callId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ segments, wanted }: { segments: readonly Segment[]; wanted: boolean }) =>
      Promise.all(
        segments.map((segment) =>
          answer(
            api.PUT("/api/segments/{segment_id}/refusal", {
              params: { path: { segment_id: segment.id } },
              body: { dismissed: wanted },
            }),
          ),
        ),
      ),
    onSuccess: (changed) =>
      keepAnswer<Transcript>(
        client,
        keys.calls.transcript(callId),
        (held) => held && changed.reduce(settled, held),
      ),
  });
}
