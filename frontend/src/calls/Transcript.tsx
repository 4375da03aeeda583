import { Button } from "@mantine/core";
import { type ReactNode, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { Speaker } from "../api/types";
import { useKey } from "../components/useKey";
import type { Transcript as Text } from "../live/transcript";
import { centre, focusOn, intoSight } from "./centre";
import { newestSpeech } from "./edit";
import { follow } from "./follow";
import { Lines } from "./Lines";
import { type Line, linesOf, stretchesOf } from "./stretches";
import classes from "./Transcript.module.css";
import { useEditing } from "./useEditing";

/** So near to the end somebody has come to it who was away from it. */
const AT_END_PX = 48;
/** Heights are whole numbers and places are not. */
const VERY_END_PX = 2;

/** A line that somebody went to.
 *
 * along: by a step along the strip, where their focus stays, and the page as far as the line is seen.
 */
export interface Chosen {
  id: string;
  along?: boolean;
}

interface TranscriptProps {
  text: Text;
  names: Record<Speaker, string>;
  /** The segment to show and mark. A new object goes there again. */
  chosen?: Chosen | null;
  /** Whether the lines may be corrected here: by their button; the key E takes the chosen one, or else the newest. */
  correctable?: boolean;
  /** Nothing more is said: it is read from its beginning, unless a line is chosen. */
  fromStart?: boolean;
  /** What stands here while there is no text. */
  children?: ReactNode;
}

/** What was said, in order. New text moves the scroll only of somebody who is at its end. */
export function Transcript(props: TranscriptProps) {
  const { text, names, chosen, correctable = false, fromStart = false, children } = props;
  const scroll = useRef<HTMLElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const lastTop = useRef(0);
  const wasAway = useRef(false);
  const wasFollowing = useRef(true);
  const letGo = useRef(() => {});
  const [following, setFollowing] = useState(!fromStart);
  // All of it was there before the reader came, however late it arrives here.
  const [readTo, setReadTo] = useState(fromStart ? Number.POSITIVE_INFINITY : 0);
  const count = text.segments.length;
  const { segments, interim } = text;
  const stretches = useMemo(() => stretchesOf(linesOf({ segments, interim })), [segments, interim]);
  const { edit, editing } = useEditing(text.segments, {
    onBegin: () => {
      // The line stays where it is, whatever comes below it.
      wasFollowing.current = following;
      setFollowing(false);
      if (following) setReadTo(count);
    },
    onEnd: () => {
      setFollowing(wasFollowing.current);
      scroll.current?.focus({ preventScroll: true });
    },
  });
  useKey(
    "e",
    () => {
      const said = text.segments.find((each) => each.id === chosen?.id && each.kind === "speech");
      const segment = said ?? newestSpeech(text.segments);
      if (segment) editing.begin(segment);
    },
    correctable,
  );

  const turnBack = useRef(() => {});
  turnBack.current = () => {
    wasAway.current = false;
    setFollowing(false);
    setReadTo(count);
  };
  useLayoutEffect(() => {
    if (!following || !scroll.current || !content.current) return;
    letGo.current();
    return follow(scroll.current, content.current, () => turnBack.current());
  }, [following]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new choice moves the text.
  useLayoutEffect(() => {
    const box = scroll.current;
    const line = chosen && document.getElementById(`segment-${chosen.id}`);
    if (!box || !content.current || !line) return;
    setFollowing(false);
    setReadTo(count);
    const endCentre = centre(box, content.current, line);
    const endSight = intoSight(box, line, !chosen.along);
    if (!chosen.along) focusOn(line);
    letGo.current = () => {
      endCentre();
      endSight();
    };
    return letGo.current;
  }, [chosen]);

  // The field is taller than its line, and what lies over the text must not cover it.
  const editedId = edit?.segment.id;
  useLayoutEffect(() => {
    const line = editedId && document.getElementById(`segment-${editedId}`);
    if (!scroll.current || !content.current || !line) return;
    letGo.current();
    letGo.current = centre(scroll.current, content.current, line);
    return letGo.current;
  }, [editedId]);

  function scrolled(): void {
    const box = scroll.current;
    if (!box) return;
    const up = box.scrollTop < lastTop.current;
    lastTop.current = box.scrollTop;
    if (edit !== null) return;
    const fromEndPx = box.scrollHeight - box.scrollTop - box.clientHeight;
    if (fromEndPx >= AT_END_PX) wasAway.current = true;
    // Whoever has just turned back is near, and stays there while what stands above gets its true height.
    const atEnd = fromEndPx < (following || wasAway.current ? AT_END_PX : VERY_END_PX);
    // Text that has grown since is no reason to think that the reader left the end.
    if (atEnd ? following || up : !(following && up)) return;
    setFollowing(atEnd);
    setReadTo(count);
  }

  const unread = following ? 0 : Math.max(0, count - readTo);
  return (
    <div className={classes.box}>
      <section
        className={`${classes.scroll} ${following ? classes.following : ""}`}
        ref={scroll}
        onScroll={scrolled}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard.
        tabIndex={0}
        aria-label="Text of the call"
      >
        <div ref={content}>
          {/* A new log for what was said before: only what comes after it is read out. */}
          <div role="log" aria-label="Transcript" key={text.seen === 0 ? "waiting" : "said"}>
            {stretches.map(({ at, lines, before, gaps }) => (
              <Lines
                key={at}
                lines={lines}
                before={before}
                gaps={gaps}
                again={text.again}
                names={names}
                chosenId={among(lines, chosen?.id)}
                edit={among(lines, edit?.segment.id) ? edit : null}
                editing={correctable ? editing : undefined}
              />
            ))}
          </div>
          {stretches.length === 0 && children}
        </div>
      </section>
      {unread > 0 && edit === null && (
        <Button className={classes.newer} size="compact-sm" onClick={() => setFollowing(true)}>
          {unread} new {unread === 1 ? "line" : "lines"}
        </Button>
      )}
    </div>
  );
}

/** The id when it is one of these, so that only its own stretch is drawn anew. */
function among(lines: readonly Line[], id: string | null | undefined): string | undefined {
  return id && lines.some((line) => line.kind !== "interim" && line.id === id) ? id : undefined;
}
