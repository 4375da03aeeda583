import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { isLive } from "../calls/status";
import { waitsForCallsEnd, withAvailable } from "../live/balance";
import { WHILE_WAITING } from "../live/pace";
import { asTold, caughtUp, emptyTranscript, isMissingSome, type Transcript } from "../live/transcript";
import { joined, type WallState } from "../live/wall";
import { answer, api } from "./client";
import { changeHeld } from "./keepAnswer";
import { keys, type LeadFilters } from "./keys";
import { isWithdrawn } from "./problem";
import { withToldMeanwhile } from "./toldMeanwhile";
import type { Call, CallStatus, CallWithSpeech, Result, Segment, Session, Team } from "./types";

const SEGMENTS_A_PAGE = 500;

// A proof in one tab gives the session another key; what another tab asked in that moment was asked with the one before. So
// long the answer that brings the new one may be on its way.
const RENEWAL_WAITS_MS = [300, 1_200];

async function readSession(before: Session | undefined, signal: AbortSignal): Promise<Session> {
  let found = await answer(api.GET("/api/session", { signal }));
  if (before?.state !== "signed_in") return found;
  for (const wait of RENEWAL_WAITS_MS) {
    if (found.state !== "anonymous") break;
    await new Promise((resolve) => setTimeout(resolve, wait));
    found = await answer(api.GET("/api/session", { signal }));
  }
  return found;
}

export const sessionQuery = queryOptions({
  queryKey: keys.session,
  queryFn: ({ client, signal }) => readSession(client.getQueryData<Session>(keys.session), signal),
  staleTime: 5 * 60_000,
});

/** Whom a provider has confirmed in this browser; forgotten with the page that asks for the rest. */
export const socialSignUpQuery = queryOptions({
  queryKey: keys.socialSignUp,
  queryFn: ({ signal }) => answer(api.GET("/api/social/sign-up", { signal })),
  staleTime: Number.POSITIVE_INFINITY,
  retry: false,
  gcTime: 0,
});

export const waysInQuery = queryOptions({
  queryKey: keys.waysIn,
  queryFn: ({ signal }) => answer(api.GET("/api/ways-in", { signal })),
});

export const devicesQuery = queryOptions({
  queryKey: keys.devices,
  queryFn: ({ signal }) => answer(api.GET("/api/sessions", { signal })),
});

export const teamQuery = infiniteQueryOptions({
  queryKey: keys.team,
  queryFn: ({ signal, pageParam }) =>
    answer(api.GET("/api/team", { signal, params: { query: { cursor: pageParam } } })),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (page) => page.next_cursor ?? undefined,
  // One team of the pages that were loaded: what is the team's as a whole, each page says.
  select: ({ pages }): Team | undefined =>
    pages[0] && { ...pages[0], members: pages.flatMap((page) => page.members) },
});

export const spendingQuery = queryOptions({
  queryKey: keys.spending,
  queryFn: ({ signal }) => answer(api.GET("/api/team/spending", { signal })),
});

export const dialPauseQuery = queryOptions({
  queryKey: keys.dialPause,
  queryFn: ({ signal }) => answer(api.GET("/api/dial-pause", { signal })).then(({ pause }) => pause),
});

export const activityQuery = infiniteQueryOptions({
  queryKey: keys.activity,
  queryFn: ({ signal, pageParam }) =>
    answer(api.GET("/api/team/activity", { signal, params: { query: { cursor: pageParam } } })),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (page) => page.next_cursor ?? undefined,
});

export const apiKeysQuery = queryOptions({
  queryKey: keys.apiKeys,
  queryFn: ({ signal }) => answer(api.GET("/api/keys", { signal })),
});

export const workspacesQuery = queryOptions({
  queryKey: keys.workspaces,
  queryFn: ({ signal }) => answer(api.GET("/api/workspaces", { signal })),
});

export function leadsQuery(filters: LeadFilters) {
  return infiniteQueryOptions({
    queryKey: keys.leads.list(filters),
    queryFn: ({ signal, pageParam }) =>
      answer(api.GET("/api/leads", { signal, params: { query: { ...filters, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

export function leadQuery(id: string) {
  return queryOptions({
    queryKey: keys.leads.one(id),
    queryFn: ({ signal }) =>
      answer(api.GET("/api/leads/{lead_id}", { signal, params: { path: { lead_id: id } } })),
  });
}

const DIAL_CHECK_MS = 60_000;

/** What holds before dialling; the callee's clock goes on, so it is asked for again every minute, and soon while all that it takes is
 * that some call of the team ends. */
export function dialCheckQuery(id: string) {
  return queryOptions({
    queryKey: keys.leads.dialCheck(id),
    queryFn: ({ client, signal }) =>
      withToldMeanwhile(
        client,
        () =>
          answer(api.GET("/api/leads/{lead_id}/dial-check", { signal, params: { path: { lead_id: id } } })),
        withAvailable,
      ),
    refetchInterval: ({ state }) =>
      state.data && waitsForCallsEnd(state.data) ? WHILE_WAITING.everyMs : DIAL_CHECK_MS,
  });
}

export interface CallFilters {
  leadId?: string;
  status?: CallStatus;
  disposition?: Result;
}

export function callsQuery(filters: CallFilters) {
  return infiniteQueryOptions({
    queryKey: keys.calls.list(filters),
    queryFn: ({ signal, pageParam }) =>
      answer(
        api.GET("/api/calls", {
          signal,
          params: {
            query: {
              lead_id: filters.leadId,
              status: filters.status,
              disposition: filters.disposition,
              cursor: pageParam,
            },
          },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

/** An event may have come while the answer was on its way, and tell of later than it does. */
function newest<Held extends Call>(held: Held | undefined, fetched: Held): Held {
  return held !== undefined && held.sequence > fetched.sequence ? { ...fetched, ...held } : fetched;
}

/** The person's own call that goes on now, or null. */
export function currentCallQuery(userId: string) {
  return queryOptions({
    queryKey: keys.calls.current,
    queryFn: async ({ client, signal }): Promise<Call | null> => {
      const page = await answer(api.GET("/api/calls", { signal, params: { query: { limit: 20 } } }));
      const own = page.items.find((call) => isLive(call.status) && call.user.id === userId);
      const known = own && newest(client.getQueryData<Call>(keys.calls.one(own.id)), own);
      return known && isLive(known.status) ? known : null;
    },
  });
}

export function callQuery(id: string) {
  return queryOptions({
    queryKey: keys.calls.one(id),
    queryFn: async ({ client, signal }): Promise<CallWithSpeech> => {
      const fetched = await answer(
        api.GET("/api/calls/{call_id}", { signal, params: { path: { call_id: id } } }),
      );
      const held = client.getQueryData<CallWithSpeech>(keys.calls.one(id));
      const found = newest(held, fetched);
      // The event that told so may have been missed.
      changeHeld<Transcript>(client, keys.calls.transcript(id), (text) => asTold(text, found));
      // An event brings what is said from then on.
      return found.speech.length < fetched.speech.length ? { ...found, speech: fetched.speech } : found;
    },
  });
}

async function segmentsAfter(id: string, sequence: number, signal: AbortSignal) {
  const items: Segment[] = [];
  let after = sequence;
  for (;;) {
    const query = { after_sequence: after, limit: SEGMENTS_A_PAGE };
    const page = await answer(
      api.GET("/api/calls/{call_id}/segments", { signal, params: { path: { call_id: id }, query } }),
    );
    items.push(...page.items);
    const last = page.items.at(-1);
    if (last === undefined || page.items.length < SEGMENTS_A_PAGE)
      return { items, latest: page.latest_sequence };
    after = last.sequence;
  }
}

/** A call's text. Asking again fetches only what came after the newest number up to which nothing is missing. Where nobody may read it
 * any more, the page keeps none of it. */
export function transcriptQuery(id: string) {
  return queryOptions({
    queryKey: keys.calls.transcript(id),
    queryFn: async ({ client, signal }): Promise<Transcript> => {
      const held = () => client.getQueryData<Transcript>(keys.calls.transcript(id)) ?? emptyTranscript;
      const after = (sequence: number) =>
        segmentsAfter(id, sequence, signal).catch((error: unknown) => {
          // All of it is asked for once it may be read again.
          if (isWithdrawn(error)) client.setQueryData<Transcript>(keys.calls.transcript(id), emptied);
          throw error;
        });
      const first = await after(held().known);
      // Events may have come in meanwhile: the fetched joins what is held now, and is asked for once more if it lags.
      const joined = caughtUp(held(), first.items, first.latest);
      if (!isMissingSome(joined)) return joined;
      const second = await after(first.latest);
      return caughtUp(caughtUp(held(), first.items, first.latest), second.items, second.latest);
    },
    structuralSharing: false,
  });
}

const emptied = (held: Transcript | undefined) => held && emptyTranscript;

export function receiptQuery(id: string) {
  return queryOptions({
    queryKey: keys.calls.receipt(id),
    queryFn: ({ signal }) =>
      answer(api.GET("/api/calls/{call_id}/receipt", { signal, params: { path: { call_id: id } } })),
    // The carrier's last word may come a little after the end.
    refetchInterval: (query) => (query.state.data?.settled === false ? 3_000 : false),
  });
}

export function insightsQuery(id: string) {
  return queryOptions({
    queryKey: keys.calls.insights(id),
    queryFn: ({ signal }) =>
      answer(api.GET("/api/calls/{call_id}/insights", { signal, params: { path: { call_id: id } } })),
  });
}

/** Who reads along in a live call; told by the socket, and asked for when the page begins. */
export function watchersQuery(id: string) {
  return queryOptions({
    queryKey: keys.calls.watchers(id),
    queryFn: async ({ signal }) => {
      const path = { call_id: id };
      return (await answer(api.GET("/api/calls/{call_id}/watchers", { signal, params: { path } }))).items;
    },
  });
}

export const wallQuery = queryOptions({
  queryKey: keys.calls.wall,
  queryFn: async ({ client, signal }): Promise<WallState> => {
    const fetched = await answer(api.GET("/api/wall", { signal }));
    return joined(client.getQueryData<WallState>(keys.calls.wall), fetched);
  },
});

export const questionsQuery = infiniteQueryOptions({
  queryKey: keys.questions,
  queryFn: ({ signal, pageParam }) =>
    answer(api.GET("/api/questions", { signal, params: { query: { cursor: pageParam } } })),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (page) => page.next_cursor ?? undefined,
});
