import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, api } from "./client";
import { keys } from "./keys";

/** Which of our own people this browser belongs to; nothing of a customer's session. */
export const staffSessionQuery = queryOptions({
  queryKey: keys.staff.session,
  queryFn: ({ signal }) => answer(api.GET("/api/staff/session", { signal })),
});

export const staffPeopleQuery = queryOptions({
  queryKey: keys.staff.people,
  queryFn: ({ signal }) => answer(api.GET("/api/staff/people", { signal })),
});

export const staffEventsQuery = infiniteQueryOptions({
  queryKey: keys.staff.events,
  queryFn: ({ signal, pageParam }) =>
    answer(api.GET("/api/staff/events", { signal, params: { query: { cursor: pageParam } } })),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (page) => page.next_cursor ?? undefined,
});

export const ownLooksQuery = infiniteQueryOptions({
  queryKey: keys.staff.looks,
  queryFn: ({ signal, pageParam }) =>
    answer(api.GET("/api/staff/looks", { signal, params: { query: { cursor: pageParam } } })),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (page) => page.next_cursor ?? undefined,
});

/** Looks into the workspace, as its owner and managers read them. */
export const teamLooksQuery = infiniteQueryOptions({
  queryKey: keys.teamLooks,
  queryFn: ({ signal, pageParam }) =>
    answer(api.GET("/api/team/looks", { signal, params: { query: { cursor: pageParam } } })),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (page) => page.next_cursor ?? undefined,
});

/** What stands behind a one-time link; asked for once. */
export function enrolmentQuery(token: string) {
  return queryOptions({
    queryKey: keys.staff.enrolment(token),
    queryFn: ({ signal }) => answer(api.POST("/api/staff/enrolment/seen", { signal, body: { token } })),
    enabled: token !== "",
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
}
