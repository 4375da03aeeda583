import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FocusEvent, useCallback, useLayoutEffect, useRef, useState } from "react";
import { wallQuery } from "../../api/queries";
import type { WallCall } from "../../api/types";
import { useSignedIn } from "../../app/useSession";
import { EndCallDialog } from "../../calls/EndCallDialog";
import { Empty } from "../../components/Empty";
import { Note, ProblemNote } from "../../components/Note";
import { Page } from "../../components/Page";
import { rowKeys } from "../../components/rowKeys";
import { Waiting } from "../../components/Waiting";
import { credits } from "../../format/credits";
import { useFollow, useLine } from "../../live/Live";
import { WallCard } from "./WallCard";
import classes from "./WallPage.module.css";

// Events are hints: the tables are asked now and then anyhow, and more often while the socket is down.
const LOOK_MS = 30_000;
const POLL_MS = 3_000;

/** All live calls of the team. */
export function WallPage() {
  const { permissions } = useSignedIn();
  if (permissions.see_team) return <Wall />;
  return (
    <Page title="Wall">
      <Empty title="For managers and the owner" action={<Link to="/calls">Your calls</Link>}>
        Here they see the live calls of the whole team. Your own are under Calls.
      </Empty>
    </Page>
  );
}

function Wall() {
  const { user } = useSignedIn();
  const { state } = useLine();
  useFollow(null);
  const wall = useQuery({ ...wallQuery, refetchInterval: state === "open" ? LOOK_MS : POLL_MS });
  const [ending, setEnding] = useState<WallCall | null>(null);
  const items = wall.data?.items;
  const { grid, noteFocus } = useKeptFocus(items);
  const end = useCallback((call: WallCall) => setEnding(call), []);
  return (
    <Page title="Wall" width="wide" actions={items && items.length > 0 && <Sum items={items} />}>
      <ProblemNote error={wall.error} />
      {wall.isPending && <Waiting lines={6} what="the live calls" />}
      {items?.length === 0 && (
        <Empty title="Nobody is in a call" action={<Link to="/calls">Calls that are over</Link>}>
          Calls of the team appear here as soon as they are dialled, with what was said last and what they
          cost so far.
        </Empty>
      )}
      {wall.data && wall.data.total > wall.data.items.length && (
        <Note>
          {wall.data.total} calls are going on. The {wall.data.items.length} that began first are shown.
        </Note>
      )}
      {items && items.length > 0 && (
        <ul ref={grid} className={classes.grid} onKeyDown={rowKeys} onFocus={noteFocus}>
          {items.map((call) => (
            <WallCard key={call.id} call={call} own={call.user.id === user.id} onEnd={end} />
          ))}
        </ul>
      )}
      {ending && <EndCallDialog call={ending} onClose={() => setEnding(null)} />}
    </Page>
  );
}

function Sum({ items }: { items: readonly WallCall[] }) {
  const talking = items.filter((call) => call.status === "in_progress").length;
  const spent = items.reduce((sum, call) => sum + call.charged_mcredits, 0);
  return (
    <p className={`num ${classes.sum}`} role="status">
      {items.length} live, {talking} in conversation, {credits(spent)} spent so far
    </p>
  );
}

/** A call that ends takes its card away: whoever was on it by keyboard goes on at its neighbour. */
function useKeptFocus(items: readonly WallCall[] | undefined) {
  const grid = useRef<HTMLUListElement>(null);
  const place = useRef(-1);
  function noteFocus(event: FocusEvent<HTMLUListElement>): void {
    const cards = [...event.currentTarget.children];
    place.current = cards.findIndex((card) => card.contains(event.target));
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: looked at whenever cards come or go.
  useLayoutEffect(() => {
    if (place.current < 0 || document.activeElement !== document.body) return;
    const links = [...(grid.current?.querySelectorAll<HTMLElement>("[data-row]") ?? [])];
    links[Math.min(place.current, links.length - 1)]?.focus();
  }, [items]);
  return { grid, noteFocus };
}
