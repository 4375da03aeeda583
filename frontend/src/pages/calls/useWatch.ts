import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { answer, api } from "../../api/client";
import { asProblem } from "../../api/problem";
import { watchersQuery } from "../../api/queries";
import { useSignedIn } from "../../app/useSession";

const SAID_AGAIN_MS = 15_000;
const NOT_WATCHING = { on: false, error: null };

/** Watches a colleague's live call while the component is shown and wants it. on: whether the rep is told of it by now. */
export function useWatch(callId: string, wanted: boolean): { on: boolean; error: unknown } {
  const [watch, setWatch] = useState<{ on: boolean; error: unknown }>({ on: false, error: null });
  const { user } = useSignedIn();
  const watchers = useQuery({ ...watchersQuery(callId), enabled: wanted });
  // Another tab of the same person may have ended it for both.
  const isMissed =
    wanted && watch.on && watchers.data !== undefined && !watchers.data.some(({ id }) => id === user.id);
  useEffect(() => {
    if (isMissed) void api.POST("/api/calls/{call_id}/watch", { params: { path: { call_id: callId } } });
  }, [isMissed, callId]);
  useEffect(() => {
    if (!wanted) return;
    let shown = true;
    const params = { path: { call_id: callId } };
    async function say(): Promise<void> {
      try {
        await answer(api.POST("/api/calls/{call_id}/watch", { params }));
        if (shown) setWatch({ on: true, error: null });
      } catch (error) {
        // Without a connection it goes on for a while at the server, and here.
        const lasting = asProblem(error)?.status !== 0;
        if (shown) setWatch((held) => (held.on && !lasting ? held : { on: false, error }));
      }
    }
    const leave = () => void api.DELETE("/api/calls/{call_id}/watch", { params, keepalive: true });
    void say();
    const timer = setInterval(() => void say(), SAID_AGAIN_MS);
    window.addEventListener("pagehide", leave);
    return () => {
      shown = false;
      clearInterval(timer);
      window.removeEventListener("pagehide", leave);
      leave();
    };
  }, [callId, wanted]);
  return wanted ? watch : NOT_WATCHING;
}
