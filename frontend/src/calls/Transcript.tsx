import { Button } from "@mantine/core";
import { memo, type ReactNode, useLayoutEffect, useRef, useState } from "react";
import type { Segment, Speaker } from "../api/types";
import { clockMs, longTime } from "../format/time";
import type { Interim, Transcript as Text } from "../live/transcript";
import { overlaps } from "./doubt";
import classes from "./Transcript.module.css";
import { Words } from "./Words";

const AT_END_PX = 48;

interface TranscriptProps {
  text: Text;
  names: Record<Speaker, string>;
  /** The segment to show and mark. A new object goes there again. */
  chosen?: { id: string } | null;
  /** What stands here while there is no text. */
  children?: ReactNode;
}

/** What was said, in order. New text moves the scroll only of somebody who is at its end. */
export function Transcript({ text, names, chosen, children }: TranscriptProps) {
  const scroll = useRef<HTMLElement>(null);
  const [following, setFollowing] = useState(true);
  const [readTo, setReadTo] = useState(0);
  const count = text.segments.length;

  // biome-ignore lint/correctness/useExhaustiveDependencies: whatever adds height must keep the end in sight.
  useLayoutEffect(() => {
    if (following && scroll.current) scroll.current.scrollTop = scroll.current.scrollHeight;
  }, [following, count, text.interim]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new choice moves the text.
  useLayoutEffect(() => {
    const box = scroll.current;
    const line = chosen && document.getElementById(`segment-${chosen.id}`);
    if (!box || !line) return;
    setFollowing(false);
    setReadTo(count);
    // Only the text moves: scrollIntoView would move the page as well.
    box.scrollTop = line.offsetTop - (box.clientHeight - line.offsetHeight) / 2;
  }, [chosen]);

  function scrolled(): void {
    const box = scroll.current;
    if (!box) return;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < AT_END_PX;
    if (atEnd !== following) {
      setFollowing(atEnd);
      setReadTo(count);
    }
  }

  const unread = following ? 0 : Math.max(0, count - readTo);
  const speaking = (["agent", "callee"] as const).filter((speaker) => text.interim[speaker]);
  return (
    <div className={classes.box}>
      <section
        className={classes.scroll}
        ref={scroll}
        onScroll={scrolled}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard.
        tabIndex={0}
        aria-label="Text of the call"
      >
        <div role="log" aria-label="Transcript" className={classes.settled}>
          {text.segments.map((segment, position) => (
            <Line
              key={segment.id}
              segment={segment}
              name={segment.speaker && names[segment.speaker]}
              turn={text.segments[position - 1]?.speaker !== segment.speaker}
              overlap={overlaps(segment, text.segments[position - 1])}
              chosen={chosen?.id === segment.id}
            />
          ))}
        </div>
        {/* Text that still changes is not read out; it is once it has settled. */}
        <div aria-hidden="true">
          {speaking.map((speaker) => (
            <InterimLine
              key={speaker}
              speaker={speaker}
              name={names[speaker]}
              turn={text.segments.at(-1)?.speaker !== speaker}
              interim={text.interim[speaker] as Interim}
            />
          ))}
        </div>
        {count === 0 && speaking.length === 0 && children}
      </section>
      {unread > 0 && (
        <Button className={classes.newer} size="compact-sm" onClick={() => setFollowing(true)}>
          {unread} new {unread === 1 ? "line" : "lines"}
        </Button>
      )}
    </div>
  );
}

interface LineProps {
  segment: Segment;
  name: string | null;
  turn: boolean;
  /** The other one was still speaking. */
  overlap: boolean;
  chosen: boolean;
}

const Line = memo(function Line({ segment, name, turn, overlap, chosen }: LineProps) {
  if (segment.kind === "gap" || segment.speaker === null) {
    const seconds = Math.max(1, Math.round((segment.end_ms - segment.start_ms) / 1000));
    return (
      <div className={classes.gap} id={`segment-${segment.id}`}>
        {longTime(seconds)} of audio missing
      </div>
    );
  }
  const look = [classes.line, classes[segment.speaker], turn && classes.turn, chosen && classes.chosen];
  return (
    <div
      className={look.filter(Boolean).join(" ")}
      id={`segment-${segment.id}`}
      data-speaker={segment.speaker}
    >
      <span className={classes.time}>{clockMs(segment.start_ms)}</span>
      <div className={classes.said}>
        {turn ? (
          <span className={classes.name}>
            {name} {overlap && <span className={classes.overlap}>at the same time</span>}
          </span>
        ) : (
          <span className="visually-hidden">{name}: </span>
        )}
        <span>
          <Words segment={segment} />
        </span>
      </div>
    </div>
  );
});

function InterimLine({
  speaker,
  name,
  turn,
  interim,
}: {
  speaker: Speaker;
  name: string;
  turn: boolean;
  interim: Interim;
}) {
  const look = [classes.line, classes[speaker], classes.interim, turn && classes.turn];
  return (
    <div className={look.filter(Boolean).join(" ")} data-interim={speaker}>
      <span className={classes.time}>{clockMs(interim.start_ms)}</span>
      <div className={classes.said}>
        {turn && <span className={classes.name}>{name}</span>}
        <span className={classes.words}>{interim.text}</span>
      </div>
    </div>
  );
}
