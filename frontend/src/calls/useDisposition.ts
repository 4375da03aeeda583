import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "../api/client";
import { keepAnswer } from "../api/keepAnswer";
import { keys } from "../api/keys";
import type { Call, CallWithSpeech, Disposition } from "../api/types";
import { newer } from "../live/apply";

interface Disposed {
  chosen: Disposition | null;
  /** null takes back what was said; then the carrier's word counts again. */
  choose: (disposition: Disposition | null) => void;
  error: Error | null;
}

/** What the rep says came of a call, and saying it. The server puts "do not call" on the list as well. */
export function useDisposition(call: Call): Disposed {
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: (disposition: Disposition | null) =>
      answer(
        api.PATCH("/api/calls/{call_id}", { params: { path: { call_id: call.id } }, body: { disposition } }),
      ),
    onSuccess: async (next) => {
      keepAnswer<CallWithSpeech>(
        client,
        keys.calls.one(call.id),
        (held) => held && { ...newer(held, next), disposition: next.disposition },
      );
      await client.invalidateQueries({ queryKey: keys.calls.lists });
      await client.invalidateQueries({ queryKey: keys.leads.all });
      await client.invalidateQueries({ queryKey: keys.queue.state });
    },
  });
  const chosen = save.isPending ? save.variables : call.disposition;
  return { chosen, choose: save.mutate, error: save.error };
}
