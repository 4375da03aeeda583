import type { Query, QueryClient, QueryKey } from "@tanstack/react-query";
import { askAfresh, changePart } from "../api/keepAnswer";
import { keys } from "../api/keys";
import type { Balance, ServerEvent } from "../api/types";
import { apply } from "./apply";
import type { Change } from "./change";
import type { Pace, Pacer } from "./pace";
import { isMissingSome, type Transcript } from "./transcript";

/** Puts an event into what the page holds, and asks the server for what that shows to be missing. */
export function receive(client: QueryClient, pacer: Pacer, event: ServerEvent, userId: string): void {
  const balance = client.getQueryData<Balance>(keys.credits.balance);
  const changes = apply(event, { userId, now: new Date().toISOString(), balance });
  // How soon is told by what was held before.
  const paced = changes.flatMap((change) => (change.do === "refetch-paced" ? atPaces(client, change) : []));
  for (const change of changes) {
    if (change.do === "update" || change.do === "update-all") put(client, change);
    else if (change.do === "refetch") void client.invalidateQueries({ queryKey: change.key });
  }
  for (const { query, pace } of paced) askInTime(client, pacer, query, pace);
  if ("call_id" in event) catchUp(client, event.call_id);
  else if (event.type === "call.changed") catchUp(client, event.call.id);
}

/** An event tells of a part. */
function put(client: QueryClient, change: Change & { do: "update" | "update-all" }): void {
  const exact = change.do === "update";
  const queries = client.getQueryCache().findAll({ queryKey: change.key, exact });
  // What nobody has asked for yet may be told whole.
  if (exact && queries.length === 0) client.setQueryData(change.key, change.with);
  for (const query of queries) changePart(client, query, change.with);
  askAgainForMissed(client, change.key, exact);
}

interface Paced {
  query: Query;
  pace: Pace;
}

function atPaces(client: QueryClient, { key, pace }: Change & { do: "refetch-paced" }): Paced[] {
  return client
    .getQueryCache()
    .findAll({ queryKey: key })
    .flatMap((query) => {
      const { data, fetchStatus } = query.state;
      const wanted = pace({ key: query.queryKey, value: data, isOnItsWay: fetchStatus === "fetching" });
      return wanted === null ? [] : [{ query, pace: wanted }];
    });
}

/** Asks for what is shown; what is not, is asked for when it is shown again. */
function askInTime(client: QueryClient, pacer: Pacer, query: Query, pace: Pace): void {
  if (query.isActive()) pacer.ask(query.queryKey, pace);
  else void client.invalidateQueries({ queryKey: query.queryKey, exact: true });
}

/** An event changes only what is held. The first answer that is on its way may have been read before it happened. */
function askAgainForMissed(client: QueryClient, key: QueryKey, exact: boolean): void {
  for (const query of client.getQueryCache().findAll({ queryKey: key, exact, fetchStatus: "fetching" })) {
    if (query.state.data == null) void askAfresh(client, query.queryKey);
  }
}

/** Asks for what is missing of a transcript, when an event's number showed that something is. */
function catchUp(client: QueryClient, callId: string): void {
  const key = keys.calls.transcript(callId);
  const transcript = client.getQueryData<Transcript>(key);
  if (transcript !== undefined && isMissingSome(transcript)) {
    void client.refetchQueries({ queryKey: key }, { cancelRefetch: false });
  }
}
