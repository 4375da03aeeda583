import { MutationCache, QueryCache } from "@tanstack/react-query";
import { FreshQueryClient } from "../api/freshQueryClient";
import { keys } from "../api/keys";
import { asProblem } from "../api/problem";

// The session has ended elsewhere, or the policy has changed and has to be answered first.
const SESSION_CHANGED = new Set(["not_signed_in", "policy_unanswered"]);
const LOOK_ENDED = "look_ended";

/** Whoever looks at the session finds out and shows the page for it. A page of a look that is over is left with everything
 * that it holds. */
function noticeChange(error: Error): void {
  const code = asProblem(error)?.code;
  if (code === LOOK_ENDED) window.location.assign("/staff");
  if (!SESSION_CHANGED.has(code ?? "")) return;
  void queryClient.invalidateQueries({ queryKey: keys.session });
  void queryClient.invalidateQueries({ queryKey: keys.staff.session });
}

export const queryClient = new FreshQueryClient({
  queryCache: new QueryCache({ onError: noticeChange }),
  mutationCache: new MutationCache({ onError: noticeChange }),
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      // A refusal stays a refusal; only a lost connection or a failing server is worth another try.
      retry: (failures, error) => {
        const status = asProblem(error)?.status ?? 0;
        return failures < 2 && (status === 0 || status >= 500);
      },
    },
    mutations: { retry: false, networkMode: "always" },
  },
});
