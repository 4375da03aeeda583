import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, api } from "./client";
import { keys } from "./keys";

export function leadHistoryQuery(id: string) {
  return infiniteQueryOptions({
    queryKey: keys.leads.history(id),
    queryFn: ({ signal, pageParam }) =>
      answer(
        api.GET("/api/leads/{lead_id}/history", {
          signal,
          params: { path: { lead_id: id }, query: { cursor: pageParam } },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

export const tagsQuery = queryOptions({
  queryKey: keys.tags,
  queryFn: async ({ signal }) => (await answer(api.GET("/api/tags", { signal }))).items,
});

/** What the person works through, or null. Retries become due and colleagues take leads, so it is asked for again. */
export const queueQuery = queryOptions({
  queryKey: keys.queue.state,
  queryFn: async ({ signal }) => (await answer(api.GET("/api/queue", { signal }))).queue,
  refetchInterval: 30_000,
});

export const reservationsQuery = queryOptions({
  queryKey: keys.queue.reservations,
  queryFn: async ({ signal }) => (await answer(api.GET("/api/queue/reservations", { signal }))).items,
});

export const workersQuery = queryOptions({
  queryKey: keys.queue.workers,
  queryFn: async ({ signal }) => (await answer(api.GET("/api/queue/workers", { signal }))).items,
  refetchInterval: 60_000,
});
