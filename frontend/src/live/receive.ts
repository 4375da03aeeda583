import type { QueryClient, QueryKey } from "@tanstack/react-query";
import { askAfresh } from "../api/keepAnswer";
import { keys } from "../api/keys";
import type { Balance, ServerEvent } from "../api/types";
import { apply } from "./apply";
import type { Change } from "./change";
import type { Pacer } from "./pace";
import { isMissingSome, type Transcript } from "./transcript";

/** Puts an event into what the page holds, and asks the server for what that shows to be missing. */
export function receive(client: QueryClient, pacer: Pacer, event: ServerEvent, userId: string): void {
  const balance = client.getQueryData<Balance>(keys.credits.balance);
  for (const change of apply(event, { userId, now: new Date().toISOString(), balance })) {
    if (change.do === "refetch-paced") {
      askInTime(client, pacer, change);
      continue;
    }
    if (change.do === "refetch") {
      void client.invalidateQueries({ queryKey: change.key });
      continue;
    }
    if (change.do === "update") client.setQueryData(change.key, change.with);
    else client.setQueriesData({ queryKey: change.key }, change.with);
    askAgainForMissed(client, change.key, change.do === "update");
  }
  if ("call_id" in event) catchUp(client, event.call_id);
  else if (event.type === "call.changed") catchUp(client, event.call.id);
}

/** Asks for what is shown; what is not, is asked for when it is shown again. */
function askInTime(client: QueryClient, pacer: Pacer, { key, pace }: Change & { do: "refetch-paced" }): void {
  for (const query of client.getQueryCache().findAll({ queryKey: key })) {
    const { data, fetchStatus } = query.state;
    const wanted = pace({ key: query.queryKey, value: data, isOnItsWay: fetchStatus === "fetching" });
    if (wanted === null) continue;
    if (query.isActive()) pacer.ask(query.queryKey, wanted);
    else void client.invalidateQueries({ queryKey: query.queryKey, exact: true });
  }
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
