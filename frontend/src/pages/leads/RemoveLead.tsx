import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import type { Lead } from "../../api/types";
import { ProblemNote } from "../../components/Note";
import { leadName } from "../../format/lead";

/** Says what goes with a lead before it is removed. */
export function RemoveLead({ lead, onDone, onKeep }: { lead: Lead; onDone: () => void; onKeep: () => void }) {
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE("/api/leads/{lead_id}", { params: { path: { lead_id: lead.id } } })),
    onSuccess: async () => {
      // Its calls and what was found in them are gone from every page.
      await client.invalidateQueries();
      onDone();
    },
  });
  const name = leadName(lead);
  return (
    <div className="stack">
      <p>
        {lead.last_call_at
          ? `All calls with ${name} go too, with their text and what was found in them, also where answers quote it. What they cost stays charged.`
          : `${name} and ${lead.phone_e164 ?? "the notes"} go from your list.`}{" "}
        This cannot be undone.
      </p>
      {!lead.suppressed && (
        <p className="quiet">
          The number can be added again; where a law limits how often people are called, the calls until now
          go on counting. If they want no more calls, press “Asked not to be called” on their page instead.
        </p>
      )}
      <ProblemNote error={remove.error} />
      <div className="row">
        <Button color="red.9" onClick={() => remove.mutate()} loading={remove.isPending}>
          Remove lead
        </Button>
        <Button variant="default" onClick={onKeep} disabled={remove.isPending}>
          Keep it
        </Button>
      </div>
    </div>
  );
}
