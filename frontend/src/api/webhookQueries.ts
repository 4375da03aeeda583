import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, api } from "./client";
import { keys } from "./keys";
import type { DeliveryState } from "./types";

export const webhooksQuery = queryOptions({
  queryKey: keys.webhooks.list,
  queryFn: ({ signal }) => answer(api.GET("/api/webhooks", { signal })),
});

const SOON_MS = 15_000;

/** Looked at again every two seconds while something is about to be tried, and now and then while it waits. */
export function deliveriesQuery(id: string, state?: DeliveryState) {
  return infiniteQueryOptions({
    queryKey: keys.webhooks.deliveries(id, state),
    queryFn: ({ signal, pageParam }) =>
      answer(
        api.GET("/api/webhooks/{webhook_id}/deliveries", {
          signal,
          params: { path: { webhook_id: id }, query: { state, cursor: pageParam } },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: (query) => {
      const next = (query.state.data?.pages ?? [])
        .flatMap((page) => page.items)
        .flatMap(({ next_at }) => (next_at === null ? [] : [Date.parse(next_at)]));
      return Math.min(...next) - Date.now() < SOON_MS ? 2_000 : 30_000;
    },
  });
}
