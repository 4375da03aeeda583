import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { keys } from "../api/keys";
import { asProblem } from "../api/problem";

const SIGNED_OUT = "not_signed_in";
const LOOK_ENDED = "look_ended";

/** The session has ended elsewhere: whoever looks at it finds out and shows the sign-in page. A page of a look that is over
 * is left with everything that it holds. */
function noticeSignOut(error: Error): void {
  const code = asProblem(error)?.code;
  if (code === LOOK_ENDED) window.location.assign("/staff");
  if (code !== SIGNED_OUT) return;
  void queryClient.invalidateQueries({ queryKey: keys.session });
  void queryClient.invalidateQueries({ queryKey: keys.staff.session });
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: noticeSignOut }),
  mutationCache: new MutationCache({ onError: noticeSignOut }),
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
