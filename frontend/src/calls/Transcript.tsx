import { Button } from "@mantine/core";
import { memo, type ReactNode, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { Segment, Speaker } from "../api/types";
import { useKey } from "../components/useKey";
import { clockMs, longTime } from "../format/time";
import type { Transcript as Text } from "../live/transcript";
import { CorrectedMark, CorrectionField } from "./Correction";
import { centre } from "./centre";
import { overlaps } from "./doubt";
import { type Edit, newestSpeech } from "./edit";
import { follow } from "./follow";
import { guessedPx, type Line, linesOf, stretchesOf, type Unsettled } from "./stretches";
import classes from "./Transcript.module.css";
import { type Editing, useEditing } from "./useEditing";
import { Words } from "./Words";

/** So near to the end somebody has come to it who was away from it. */
const AT_END_PX = 48;
/** Heights are whole numbers and places are not. */
const VERY_END_PX = 2;

interface TranscriptProps {
  text: Text;
  names: Record<Speaker, string>;
  /** The segment to show and mark. A new object goes there again. */
  chosen?: { id: string } | null;
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
      const segment = text.segments.find((each) => each.id === chosen?.id) ?? newestSpeech(text.segments);
      if (segment?.kind === "speech") editing.begin(segment);
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
    letGo.current = centre(box, content.current, line);
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
            {stretches.map(({ at, lines, before }) => (
              <Lines
                key={at}
                lines={lines}
                before={before}
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

interface LinesProps {
  lines: readonly Line[];
  /** What was said right before them. */
  before: Line | undefined;
  /** Of a line it is known when it comes, and does not change. */
  again: Text["again"];
  names: Record<Speaker, string>;
  chosenId: string | undefined;
  /** What is being put right, when it is one of these lines. */
  edit: Edit | null;
  editing: Editing | undefined;
}

/** A stretch of the text, which the browser lays out only when it comes near. */
const Lines = memo(function Lines(props: LinesProps) {
  const { lines, before, again, names, chosenId, edit, editing } = props;
  return (
    <div className={classes.stretch} style={{ containIntrinsicBlockSize: `auto ${guessedPx(lines)}px` }}>
      {lines.map((line, position) => {
        const previous = position > 0 ? lines[position - 1] : before;
        const turn = previous?.speaker !== line.speaker;
        if (line.kind === "interim") {
          return <InterimLine key={line.speaker} name={names[line.speaker]} turn={turn} interim={line} />;
        }
        return (
          <SettledLine
            key={line.id}
            segment={line}
            name={line.speaker && names[line.speaker]}
            turn={turn}
            overlap={overlaps(line, previous)}
            again={again.has(line.id)}
            chosen={chosenId === line.id}
            edit={edit?.segment.id === line.id ? edit : null}
            editing={editing}
          />
        );
      })}
    </div>
  );
}, sameLines);

function sameLines(a: LinesProps, b: LinesProps): boolean {
  return (
    a.before === b.before &&
    a.names === b.names &&
    a.chosenId === b.chosenId &&
    a.edit === b.edit &&
    a.editing === b.editing &&
    a.lines.length === b.lines.length &&
    a.lines.every((line, position) => line === b.lines[position])
  );
}

interface LineProps {
  segment: Segment;
  name: string | null;
  turn: boolean;
  /** The other one was still speaking. */
  overlap: boolean;
  /** What it says stood here before in other lines: it is not read out a second time. */
  again: boolean;
  chosen: boolean;
  edit: Edit | null;
  editing: Editing | undefined;
}

const SettledLine = memo(function SettledLine(props: LineProps) {
  const { segment, name, turn, overlap, again, chosen, edit, editing } = props;
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
      aria-live={again ? "off" : undefined}
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
        {edit && editing ? (
          <CorrectionField edit={edit} onType={editing.type} onDone={editing.end} onStep={editing.step} />
        ) : (
          <span>
            <Words segment={segment} />
          </span>
        )}
        {editing && !edit && (
          // Only the chosen line's is reached by Tab: an hour's text would be a thousand stops.
          <button
            type="button"
            className={classes.correct}
            tabIndex={chosen ? 0 : -1}
            title={chosen ? "Key E" : undefined}
            aria-label={`Edit: ${segment.text}`}
            onClick={() => editing.begin(segment)}
          >
            Edit
          </button>
        )}
        {segment.correction && !edit && <CorrectedMark segment={segment} correction={segment.correction} />}
      </div>
    </div>
  );
});

/** Text that still changes is not read out; it is once it has settled. */
function InterimLine({ name, turn, interim }: { name: string; turn: boolean; interim: Unsettled }) {
  const look = [classes.line, classes[interim.speaker], classes.interim, turn && classes.turn];
  return (
    <div className={look.filter(Boolean).join(" ")} data-interim={interim.speaker} aria-hidden="true">
      <span className={classes.time}>{clockMs(interim.start_ms)}</span>
      <div className={classes.said}>
        {turn && <span className={classes.name}>{name}</span>}
        <span className={classes.words}>{interim.text}</span>
      </div>
    </div>
  );
}
