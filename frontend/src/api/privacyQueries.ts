import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, api } from "./client";
import { keys } from "./keys";

export const expiringQuery = queryOptions({
  queryKey: keys.privacy.expiring,
  queryFn: ({ signal }) => answer(api.GET("/api/privacy/expiring", { signal })),
});

export const purposesQuery = queryOptions({
  queryKey: keys.privacy.purposes,
  queryFn: ({ signal }) => answer(api.GET("/api/privacy/purposes", { signal })),
});

export const heldQuery = queryOptions({
  queryKey: keys.privacy.held,
  queryFn: ({ signal }) => answer(api.GET("/api/privacy/held", { signal })),
});

/** What is held of one kind, a page at a time. */
export function heldThingsQuery(element: string) {
  return infiniteQueryOptions({
    queryKey: keys.privacy.heldThings(element) as readonly string[],
    queryFn: ({ signal, pageParam }) =>
      answer(
        api.GET("/api/privacy/held/things", { signal, params: { query: { element, cursor: pageParam } } }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

/** The same about the number that this browser has proved. */
export function myHeldThingsQuery(number: string, element: string) {
  return infiniteQueryOptions({
    queryKey: keys.myHeldThings(number, element) as readonly string[],
    queryFn: ({ signal, pageParam }) =>
      answer(api.GET("/api/my-data/held", { signal, params: { query: { element, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

export type ThingsQuery = ReturnType<typeof heldThingsQuery>;

export const consentsQuery = queryOptions({
  queryKey: keys.privacy.consents,
  queryFn: ({ signal }) => answer(api.GET("/api/privacy/consents", { signal })),
});

export const disclosuresQuery = queryOptions({
  queryKey: keys.privacy.disclosures,
  queryFn: ({ signal }) => answer(api.GET("/api/privacy/disclosures", { signal })),
});

export const erasurePreviewQuery = queryOptions({
  queryKey: keys.privacy.preview,
  queryFn: ({ signal }) => answer(api.GET("/api/privacy/erasure/preview", { signal })),
  staleTime: 0,
});

export const erasureQuery = queryOptions({
  queryKey: keys.privacy.erasure,
  queryFn: ({ signal }) => answer(api.GET("/api/privacy/erasure", { signal })),
});

/** What is held about the number that this browser has proved. */
export const myDataQuery = queryOptions({
  queryKey: keys.myData,
  queryFn: ({ signal }) => answer(api.GET("/api/my-data", { signal })),
});

/** What the person asked for, with the last day for each answer. */
export const ownCasesQuery = queryOptions({
  queryKey: keys.privacy.cases,
  queryFn: ({ signal }) => answer(api.GET("/api/privacy/cases", { signal })),
});

export const nomineeQuery = queryOptions({
  queryKey: keys.privacy.nominee,
  queryFn: ({ signal }) => answer(api.GET("/api/privacy/nominee", { signal })),
});

/** What the law of the country of the person's number gives. */
export const ownLawQuery = queryOptions({
  queryKey: keys.privacy.law,
  queryFn: ({ signal }) => answer(api.GET("/api/privacy/law", { signal })),
  staleTime: Number.POSITIVE_INFINITY,
});

const ERASURE_ENDED = new Set(["done", "cancelled"]);

export function erasureReceiptQuery(token: string) {
  return queryOptions({
    queryKey: keys.privacy.receipt(token),
    queryFn: ({ signal }) =>
      answer(api.GET("/api/erasure-receipts/{token}", { signal, params: { path: { token } } })),
    refetchInterval: (query) => (ERASURE_ENDED.has(query.state.data?.state ?? "") ? false : 3_000),
  });
}
