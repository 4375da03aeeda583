import { NativeSelect } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "../api/client";
import { keys } from "../api/keys";
import type { Call, CallWithSpeech, Disposition } from "../api/types";
import { ProblemNote } from "../components/Note";
import { DISPOSITION_WORDS } from "./status";

/** What the rep makes of a call. */
export function DispositionField({ call }: { call: Call }) {
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: async (disposition: Disposition) => {
      if (disposition === "do_not_call") {
        await answer(
          api.POST("/api/leads/{lead_id}/suppression", {
            params: { path: { lead_id: call.lead.id } },
            body: { reason: "asked_not_to_be_called" },
          }),
        );
      }
      return answer(
        api.PATCH("/api/calls/{call_id}", { params: { path: { call_id: call.id } }, body: { disposition } }),
      );
    },
    onSuccess: async (next) => {
      client.setQueryData<CallWithSpeech>(keys.calls.one(call.id), (held) => held && { ...held, ...next });
      await client.invalidateQueries({ queryKey: keys.calls.lists });
      await client.invalidateQueries({ queryKey: keys.leads.all });
    },
  });
  return (
    <>
      <NativeSelect
        label="How did it go?"
        value={save.variables ?? call.disposition ?? ""}
        onChange={(event) =>
          event.currentTarget.value && save.mutate(event.currentTarget.value as Disposition)
        }
        data={[
          { value: "", label: "Choose", disabled: true },
          ...Object.entries(DISPOSITION_WORDS).map(([value, label]) => ({ value, label })),
        ]}
      />
      <ProblemNote error={save.error} />
    </>
  );
}
