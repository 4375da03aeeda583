import { hashKey, MutationCache, QueryCache } from "@tanstack/react-query";
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

/** The page about a number has shut itself: it finds out and asks for the number again. */
function noticeShut(error: Error): void {
  if (asProblem(error)?.code !== "number_not_proved") return;
  void queryClient.invalidateQueries({ queryKey: keys.myData, exact: true });
}

export const queryClient = new FreshQueryClient({
  queryCache: new QueryCache({
    onError: (error, query) => {
      noticeChange(error);
      // The page's own question has its answer already.
      if (query.queryHash !== hashKey(keys.myData)) noticeShut(error);
    },
  }),
  mutationCache: new MutationCache({
    onError: (error) => {
      noticeChange(error);
      noticeShut(error);
    },
  }),
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
