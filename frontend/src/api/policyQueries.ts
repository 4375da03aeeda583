import { queryOptions } from "@tanstack/react-query";
import { answer, api } from "./client";
import { keys } from "./keys";

export const policyQuery = queryOptions({
  queryKey: keys.policy,
  queryFn: ({ signal }) => answer(api.GET("/api/policy", { signal })),
  staleTime: 5 * 60_000,
});

export function policyVersionQuery(version: string | undefined) {
  return queryOptions({
    queryKey: keys.policyVersion(version),
    queryFn: ({ signal }) => answer(api.GET("/api/policy", { signal, params: { query: { version } } })),
    staleTime: 5 * 60_000,
  });
}

export const policyVersionsQuery = queryOptions({
  queryKey: keys.policyVersions,
  queryFn: ({ signal }) => answer(api.GET("/api/policy/versions", { signal })),
  staleTime: 5 * 60_000,
});

/** What a version changed; of the newest against the one before it where nothing else is said. */
export function policyChangesQuery(of: { version?: string; since?: string }) {
  return queryOptions({
    queryKey: keys.policyChanges(of),
    queryFn: ({ signal }) => answer(api.GET("/api/policy/changes", { signal, params: { query: of } })),
    staleTime: 5 * 60_000,
  });
}

/** What the person is to be told or asked about a changed policy. */
export const policyNoticeQuery = queryOptions({
  queryKey: keys.policyNotice,
  queryFn: ({ signal }) => answer(api.GET("/api/policy/notice", { signal })),
  staleTime: 5 * 60_000,
});

export const dataKindsQuery = queryOptions({
  queryKey: keys.dataKinds,
  queryFn: ({ signal }) => answer(api.GET("/api/data-kinds", { signal })),
  staleTime: 5 * 60_000,
});

export const contactQuery = queryOptions({
  queryKey: keys.contact,
  queryFn: ({ signal }) => answer(api.GET("/api/contact", { signal })),
  staleTime: 5 * 60_000,
});

export const processorsQuery = queryOptions({
  queryKey: keys.processors,
  queryFn: ({ signal }) => answer(api.GET("/api/processors", { signal })),
  staleTime: 5 * 60_000,
});
