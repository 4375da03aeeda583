import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, api } from "./client";
import { keys } from "./keys";

export const CASES_SHOWN = ["open", "mine", "overdue", "waiting", "answered"] as const;
export type CasesShown = (typeof CASES_SHOWN)[number];

export function queueOfCasesQuery(show: CasesShown) {
  return infiniteQueryOptions({
    queryKey: keys.staff.queue(show),
    queryFn: ({ signal, pageParam }) =>
      answer(api.GET("/api/staff/cases", { signal, params: { query: { show, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

const LOOKS_AGAIN_MAX = 10;

/** Each reading is written down, so coming back to the window is none, and a correction is followed for a short while only. */
export function caseQuery(reference: string) {
  return queryOptions({
    queryKey: keys.staff.oneCase(reference),
    queryFn: ({ signal }) =>
      answer(api.GET("/api/staff/cases/{reference}", { signal, params: { path: { reference } } })),
    refetchOnWindowFocus: false,
    refetchInterval: ({ state }) =>
      state.data?.corrections.some((each) => !each.done_at) && state.dataUpdateCount < LOOKS_AGAIN_MAX
        ? 3_000
        : false,
  });
}

export const recipientsQuery = queryOptions({
  queryKey: keys.staff.recipients,
  queryFn: ({ signal }) => answer(api.GET("/api/staff/recipients", { signal })),
});

export const ordersQuery = infiniteQueryOptions({
  queryKey: keys.staff.orders,
  queryFn: ({ signal, pageParam }) =>
    answer(api.GET("/api/staff/orders", { signal, params: { query: { cursor: pageParam } } })),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (page) => page.next_cursor ?? undefined,
});

export const holdsQuery = queryOptions({
  queryKey: keys.staff.holds,
  queryFn: ({ signal }) => answer(api.GET("/api/staff/holds", { signal })),
});

export const reviewsQuery = queryOptions({
  queryKey: keys.staff.reviews,
  queryFn: ({ signal }) => answer(api.GET("/api/staff/reviews", { signal })),
});

export const breachesQuery = queryOptions({
  queryKey: keys.staff.breaches,
  queryFn: ({ signal }) => answer(api.GET("/api/staff/breaches", { signal })),
});
