import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { endingAt, withBooked } from "../live/balance";
import { answer, api } from "./client";
import { keys, type StatementFilters } from "./keys";
import { withToldMeanwhile } from "./toldMeanwhile";
import type { Balance, TopUpTerms } from "./types";

export const balanceQuery = queryOptions({
  queryKey: keys.credits.balance,
  queryFn: async ({ client, signal }): Promise<Balance> => {
    const fetched = await answer(api.GET("/api/credits", { signal }));
    const held = client.getQueryData<Balance>(keys.credits.balance);
    return held ? withBooked(fetched, held) : fetched;
  },
});

export const packsQuery = queryOptions({
  queryKey: keys.credits.packs,
  queryFn: ({ signal }) => answer(api.GET("/api/credits/packs", { signal })),
  staleTime: 5 * 60_000,
});

export function statementQuery(filters: StatementFilters) {
  return infiniteQueryOptions({
    queryKey: keys.credits.statement(filters),
    queryFn: ({ signal, pageParam }) =>
      answer(
        api.GET("/api/credits/statement", { signal, params: { query: { ...filters, cursor: pageParam } } }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

export const spendersQuery = queryOptions({
  queryKey: keys.credits.spenders,
  queryFn: ({ signal }) => answer(api.GET("/api/credits/spenders", { signal })),
  staleTime: 5 * 60_000,
});

export function explanationQuery(id: string) {
  return queryOptions({
    queryKey: keys.credits.explanation(id),
    queryFn: ({ signal }) =>
      answer(
        api.GET("/api/credits/entries/{entry_id}/explanation", {
          signal,
          params: { path: { entry_id: id } },
        }),
      ),
  });
}

/** The balance at the end of each day; days begin at this browser's midnight. */
export function burnDownQuery(days: number) {
  const time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return queryOptions({
    queryKey: keys.credits.burnDown(days),
    queryFn: ({ client, signal }) =>
      withToldMeanwhile(
        client,
        () => answer(api.GET("/api/credits/burn-down", { signal, params: { query: { days, time_zone } } })),
        (burnDown, balance) => endingAt(burnDown, balance, new Date().toISOString()),
      ),
    placeholderData: keepPreviousData,
  });
}

export const purchasesQuery = infiniteQueryOptions({
  queryKey: keys.credits.purchases,
  queryFn: ({ signal, pageParam }) =>
    answer(api.GET("/api/credits/purchases", { signal, params: { query: { cursor: pageParam } } })),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (page) => page.next_cursor ?? undefined,
});

export const topUpQuery = queryOptions({
  queryKey: keys.credits.topUp,
  queryFn: ({ signal }) => answer(api.GET("/api/credits/top-up", { signal })),
});

/** What the owner would agree to by these terms. */
export function topUpWordsQuery(terms: TopUpTerms) {
  return queryOptions({
    queryKey: keys.credits.topUpWords(terms),
    queryFn: ({ signal }) => answer(api.POST("/api/credits/top-up/words", { signal, body: terms })),
    retry: false,
  });
}

const CHECKOUT_ENDED = new Set(["granted", "failed"]);

/** A purchase; looked at every two seconds until the credits are there, in case the socket's word gets lost. */
export function checkoutQuery(id: string) {
  return queryOptions({
    queryKey: keys.credits.checkout(id),
    queryFn: ({ signal }) =>
      answer(
        api.GET("/api/credits/checkouts/{checkout_id}", { signal, params: { path: { checkout_id: id } } }),
      ),
    refetchInterval: (query) => (CHECKOUT_ENDED.has(query.state.data?.state ?? "") ? false : 2_000),
  });
}
