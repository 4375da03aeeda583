import { useQueryClient } from "@tanstack/react-query";
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
import { askAfresh } from "../api/keepAnswer";
import { keys } from "../api/keys";
import { sessionQuery } from "../api/queries";
import type { Session } from "../api/types";
import { Pacer } from "./pace";
import { receive } from "./receive";
import { backoffMs, type LineState, LiveSocket } from "./socket";
import { forgetInterim } from "./untold";

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
  const [pacer] = useState(() => new Pacer(client, Math.random()));
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
      onEvent: (event) => receive(client, pacer, event, userId),
      onState: (next) => {
        setState(next);
        if (next !== "open") forgetInterim(client);
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
        forgetInterim(client, callId);
        // An answer that is on its way may be older than the first event.
        void askAfresh(client, callId === null ? keys.calls.wall : keys.calls.transcript(callId));
      },
      onUnfollowed: (callId) => forgetInterim(client, callId),
    });
  }, [client, pacer, userId, workspaceId, socketUrl, life]);
  useEffect(() => {
    socket.open();
    return () => {
      socket.close();
      pacer.stop();
    };
  }, [socket, pacer]);
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
