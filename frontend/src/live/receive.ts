import type { QueryClient, QueryKey } from "@tanstack/react-query";
import { askAfresh } from "../api/keepAnswer";
import { keys } from "../api/keys";
import type { ServerEvent } from "../api/types";
import { apply } from "./apply";
import { isMissingSome, type Transcript } from "./transcript";

/** Puts an event into what the page holds, and asks the server for what that shows to be missing. */
export function receive(client: QueryClient, event: ServerEvent, userId: string): void {
  for (const change of apply(event, { userId, now: new Date().toISOString() })) {
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
