import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { keepAnswer } from "../../api/keepAnswer";
import { keys } from "../../api/keys";
import type { Queue, QueueFilter, SkipReason } from "../../api/types";

type Step =
  | { do: "start"; filter: QueueFilter }
  | { do: "next" }
  | { do: "skip"; leadId: string; reason: SkipReason }
  | { do: "end" };

const STEP = ["queue-step"];

async function carriedOut(step: Step): Promise<Queue | null> {
  switch (step.do) {
    case "start":
      return answer(api.POST("/api/queue", { body: step.filter }));
    case "next":
      return answer(api.POST("/api/queue/next"));
    case "skip":
      return answer(api.POST("/api/queue/skip", { body: { lead_id: step.leadId, reason: step.reason } }));
    case "end":
      await answer(api.DELETE("/api/queue"));
      return null;
  }
}

/** The steps through the queue, one at a time: what is pressed meanwhile does nothing. */
export function useQueue() {
  const client = useQueryClient();
  const step = useMutation({
    mutationKey: STEP,
    mutationFn: async (wanted: Step) => {
      // An older answer that is still on its way must not come after this one's.
      await client.cancelQueries({ queryKey: keys.queue.state });
      return carriedOut(wanted);
    },
    onSuccess: (queue) => keepAnswer(client, keys.queue.state, queue),
    // Whoever was away for long has no session any more; then the page is where one begins.
    onError: () => client.invalidateQueries({ queryKey: keys.queue.state }),
  });
  function take(wanted: Step): void {
    if (client.isMutating({ mutationKey: STEP }) === 0) step.mutate(wanted);
  }
  return { take, waits: step.isPending, error: step.error };
}
