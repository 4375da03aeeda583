import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { answer, api } from "../api/client";
import { asProblem } from "../api/problem";
import type { LookBanner as Look } from "../api/types";
import { clockMs } from "../format/time";
import classes from "./LookBanner.module.css";

/** Everything that this tab holds is the member's: a new document is loaded, and nothing of it stays. */
const leave = () => window.location.assign("/staff");

/** Stands on every page while one of our own people sees it as a member does. seenAs: the member's name. */
export function LookBanner({ look, seenAs }: { look: Look; seenAs: string }) {
  const left = useTimeLeft(look.ends_at);
  const end = useMutation({
    mutationFn: () => answer(api.POST("/api/staff/looks/end")),
    onSuccess: leave,
    onError: (error) => {
      // It was over already, or the staff session is: either way there is nothing more to see here.
      if ((asProblem(error)?.status ?? 0) >= 400) leave();
    },
  });
  useEffect(() => {
    if (left <= 0) leave();
  }, [left]);
  return (
    <section className={classes.banner} aria-label="Look by Klosesales staff">
      <p className={classes.words}>
        <strong>
          {look.staff_name} looks into {look.workspace_name}
        </strong>{" "}
        as {seenAs}. Nothing can be changed, so what would change something is not shown.
        <span className={classes.reason}>Reason: {look.reason}</span>
      </p>
      <span className={`num ${classes.left}`}>{clockMs(left)} left</span>
      <Button size="compact-sm" onClick={() => end.mutate()} loading={end.isPending}>
        End the look
      </Button>
    </section>
  );
}

/** Milliseconds until then, each second anew. */
function useTimeLeft(endsAt: string): number {
  const until = Date.parse(endsAt);
  const [left, setLeft] = useState(until - Date.now());
  useEffect(() => {
    const timer = setInterval(() => setLeft(until - Date.now()), 1000);
    return () => clearInterval(timer);
  }, [until]);
  return left;
}
