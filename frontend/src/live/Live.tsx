import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { keys } from "../api/keys";
import { sessionQuery } from "../api/queries";
import type { ServerEvent, Session } from "../api/types";
import { apply } from "./apply";
import { backoffMs, type LineState, LiveSocket } from "./socket";
import { isMissingSome, type Transcript } from "./transcript";

interface Line {
  state: LineState;
  follow: (callId: string | null) => () => void;
}

const LineContext = createContext<Line>({ state: "connecting", follow: () => () => undefined });

export const useLine = (): Line => useContext(LineContext);

/** Listens to a call's interim text, or for null to all live calls of the team, while the component is shown. */
export function useFollow(callId: string | null | undefined): void {
  const { follow } = useLine();
  useEffect(() => (callId === undefined ? undefined : follow(callId)), [callId, follow]);
}

function receive(client: QueryClient, event: ServerEvent, userId: string): void {
  for (const change of apply(event, { userId, now: new Date().toISOString() })) {
    if (change.do === "refetch") void client.invalidateQueries({ queryKey: change.key });
    else if (change.do === "update") client.setQueryData(change.key, change.with);
    else client.setQueriesData({ queryKey: change.key }, change.with);
  }
  if ("call_id" in event) catchUp(client, event.call_id);
  else if (event.type === "call.changed") catchUp(client, event.call.id);
}

/** Asks for what is missing of a transcript, when an event's number showed that something is. */
function catchUp(client: QueryClient, callId: string): void {
  const key = keys.calls.transcript(callId);
  const transcript = client.getQueryData<Transcript>(key);
  if (transcript !== undefined && isMissingSome(transcript)) {
    void client.refetchQueries({ queryKey: key }, { cancelRefetch: false });
  }
}

/** Keeps one socket open while somebody is signed in. socketUrl: without a path, from the session. */
export function Live({
  userId,
  workspaceId,
  socketUrl,
  children,
}: {
  userId: string;
  workspaceId: string;
  socketUrl: string;
  children: ReactNode;
}) {
  const client = useQueryClient();
  const [state, setState] = useState<LineState>("connecting");
  const [life, setLife] = useState(0);
  const returns = useRef(0);
  const wasReady = useRef(false);
  const socket = useMemo(() => {
    /** Whose this browser is by now; a page of another person or workspace would show one and act in the other. */
    async function look(): Promise<Session | null> {
      const session = await client.fetchQuery({ ...sessionQuery, staleTime: 0 }).catch(() => null);
      const ours = session?.user?.id === userId && session.workspace?.id === workspaceId;
      if (session?.state === "signed_in" && !ours) window.location.assign("/call");
      return session;
    }
    // All of a person's sockets are closed when one session ends or when rights change: this session may live on, and then
    // everything that is held is asked for again with the rights of now.
    async function comeBack(): Promise<void> {
      const session = await look();
      if (session !== null && session.state !== "signed_in") return;
      if (session !== null) void client.invalidateQueries();
      setTimeout(() => setLife(life + 1), backoffMs(returns.current, Math.random()));
      returns.current += 1;
    }
    return new LiveSocket(`${socketUrl}/ws/`, {
      onEvent: (event) => receive(client, event, userId),
      onState: (next) => {
        setState(next);
        if (next === "signed_out") void comeBack();
      },
      onReady: () => {
        returns.current = 0;
        // Away, the page may have missed that another tab went to another workspace.
        if (wasReady.current) void look();
        wasReady.current = true;
        for (const key of [["calls"], ["credits"], keys.leads.dialChecks, keys.queue.all]) {
          void client.invalidateQueries({ queryKey: key });
        }
      },
      onFollowing: (callId) => {
        // An answer that is on its way may be older than the first event: the wall is asked for anew.
        if (callId === null) void client.refetchQueries({ queryKey: keys.calls.wall });
        else
          void client.refetchQueries({ queryKey: keys.calls.transcript(callId) }, { cancelRefetch: false });
      },
    });
  }, [client, userId, workspaceId, socketUrl, life]);
  useEffect(() => {
    socket.open();
    return () => socket.close();
  }, [socket]);
  const follow = useCallback(
    (callId: string | null) => {
      socket.follow(callId);
      return () => socket.unfollow(callId);
    },
    [socket],
  );
  const line = useMemo<Line>(() => ({ state, follow }), [state, follow]);
  return <LineContext value={line}>{children}</LineContext>;
}
