import { type KeyboardEvent, type PointerEvent, useMemo, useState } from "react";
import type { Segment, Speaker, SpeechSpan } from "../api/types";
import { missingWords } from "../calls/gaps";
import { clockMs } from "../format/time";
import { type Lanes, SpeechLanes, stripEndMs, stripEndWords, THINNEST } from "./TalkStrip";
import classes from "./TalkStrip.module.css";

const MARK_PX = 18;
const BIG: Lanes = { height: 44, laneHeight: 18 };

export interface StripMark {
  atMs: number;
  letter: string;
  /** What the letter stands for. */
  kind: string;
  label: string;
  segmentId: string;
}

// So much further away than the lane's own words are the other lane's.
const OTHER_LANE_BEHIND_MS = 400;
// Behind the lane's own words where these stand, before all that stands beside.
const GAP_BEHIND_MS = 0.5;

// Of a strip on a phone; on a wide one the marks stand further apart than they must.
const MARK_SHARE = 0.052;

/** Marks in as many rows as they need for none to cover another. share: how far along the strip, from 0 to 1. */
export function inRows(
  marks: readonly StripMark[],
  endMs: number,
): { mark: StripMark; share: number; row: number }[] {
  const lasts: number[] = [];
  return [...marks]
    .sort((one, other) => one.atMs - other.atMs)
    .map((mark) => {
      const share = Math.min(1 - MARK_SHARE / 2, Math.max(MARK_SHARE / 2, mark.atMs / endMs));
      const free = lasts.findIndex((last) => share - last >= MARK_SHARE);
      const row = free < 0 ? lasts.length : free;
      lasts[row] = share;
      return { mark, share, row };
    });
}

interface NavigatorProps {
  segments: readonly Segment[];
  durationS: number;
  names: Record<Speaker, string>;
  marks: readonly StripMark[];
  chosenId: string | undefined;
  /** By a place on the strip. */
  onChoose: (segmentId: string) => void;
  /** By a mark above it. */
  onGo: (segmentId: string) => void;
}

/** What is meant by a place on the strip, as it is drawn there: words of that lane, then a gap, then what is nearest.
 *
 * ms: the place, from the call's beginning. lower: whether it is in the lane below. endMs: where the strip ends.
 */
export function nearest(
  segments: readonly Segment[],
  ms: number,
  lower: boolean,
  endMs: number,
): Segment | undefined {
  const wanted: Speaker = lower ? "callee" : "agent";
  const least = (THINNEST / 100) * endMs;
  const distance = ({ kind, speaker, start_ms, end_ms }: Segment): number => {
    const beside = Math.max(start_ms - ms, ms - Math.max(end_ms, start_ms + least), 0);
    if (kind === "gap") return beside === 0 ? GAP_BEHIND_MS : beside + OTHER_LANE_BEHIND_MS;
    return beside + (speaker === wanted ? 0 : OTHER_LANE_BEHIND_MS);
  };
  return segments.reduce<Segment | undefined>(
    (best, segment) => (best === undefined || distance(segment) < distance(best) ? segment : best),
    undefined,
  );
}

/** The way to move about in a call: hover shows the words, a click or the arrow keys go there. */
export function TalkStripNavigator(props: NavigatorProps) {
  const { segments, durationS, names, marks, chosenId, onChoose, onGo } = props;
  const [hovered, setHovered] = useState<Segment | null>(null);
  const speech = useMemo(
    () => segments.filter((each) => each.kind === "speech" && each.speaker !== null),
    [segments],
  ) as readonly (Segment & SpeechSpan)[];
  const gaps = segments.filter((each) => each.kind === "gap");
  const endMs = stripEndMs(segments, durationS);
  const at = segments.findIndex((segment) => segment.id === chosenId);
  const chosen = segments[at];
  const placed = inRows(marks, endMs);
  const rows = placed.reduce((most, { row }) => Math.max(most, row + 1), 0);
  const kinds = [...new Map(marks.map(({ letter, kind }) => [letter, kind]))];
  const share = (ms: number): string => `${Math.min(100, (ms / endMs) * 100)}%`;

  function pointed(event: PointerEvent<HTMLElement>): Segment | undefined {
    const box = event.currentTarget.getBoundingClientRect();
    const ms = ((event.clientX - box.left) / box.width) * endMs;
    return nearest(segments, ms, event.clientY - box.top > box.height / 2, endMs);
  }

  function pressed(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    const to =
      step !== undefined
        ? at + step
        : event.key === "Home"
          ? 0
          : event.key === "End"
            ? segments.length - 1
            : null;
    const target = to === null ? undefined : segments[Math.min(segments.length - 1, Math.max(0, to))];
    if (target === undefined) return;
    event.preventDefault();
    onChoose(target.id);
  }

  const words = (segment: Segment): string =>
    segment.speaker ? `${names[segment.speaker]}: ${segment.text}` : missingWords(segment);
  return (
    <div className={classes.frame}>
      {hovered && (
        <div
          className={classes.words}
          style={{
            left: `clamp(160px, ${share((hovered.start_ms + hovered.end_ms) / 2)}, calc(100% - 160px))`,
          }}
        >
          <b>{clockMs(hovered.start_ms)}</b> {words(hovered)}
        </div>
      )}
      <div className={classes.marks} style={{ height: Math.max(1, rows) * MARK_PX }}>
        {placed.map(({ mark, share: along, row }) => (
          <button
            key={`${mark.segmentId}-${mark.label}`}
            type="button"
            className={classes.mark}
            style={{ left: `${along * 100}%`, bottom: row * MARK_PX }}
            aria-label={`${mark.kind}: ${mark.label}, ${clockMs(mark.atMs)}`}
            title={`${mark.kind}: ${mark.label}`}
            onClick={() => onGo(mark.segmentId)}
          >
            {mark.letter}
          </button>
        ))}
      </div>
      <div
        className={classes.big}
        role="slider"
        tabIndex={0}
        aria-label="Place in the call"
        aria-valuemin={0}
        aria-valuemax={Math.max(0, segments.length - 1)}
        aria-valuenow={Math.max(0, at)}
        aria-valuetext={chosen ? `${clockMs(chosen.start_ms)}, ${words(chosen)}` : "The beginning"}
        onKeyDown={pressed}
        onPointerMove={(event) => setHovered(pointed(event) ?? null)}
        onPointerLeave={() => setHovered(null)}
        onPointerUp={(event) => {
          const target = pointed(event);
          if (target) onChoose(target.id);
        }}
      >
        <svg
          className={classes.strip}
          viewBox={`0 0 100 ${BIG.height}`}
          height={BIG.height}
          preserveAspectRatio="none"
          aria-hidden="true"
        >
          {gaps.map((gap) => (
            <rect
              key={gap.id}
              className={classes.gap}
              x={(gap.start_ms / endMs) * 100}
              width={Math.max(THINNEST, ((gap.end_ms - gap.start_ms) / endMs) * 100)}
              y={1}
              height={BIG.height - 2}
              vectorEffect="non-scaling-stroke"
            />
          ))}
          <SpeechLanes speech={speech} endMs={endMs} lanes={BIG} />
          {chosen && (
            <line
              className={classes.here}
              x1={(chosen.start_ms / endMs) * 100}
              x2={(chosen.start_ms / endMs) * 100}
              y1={0}
              y2={BIG.height}
              vectorEffect="non-scaling-stroke"
            />
          )}
        </svg>
      </div>
      <div className={classes.axis}>
        <span>0:00</span>
        <span className={classes.legend}>
          <span>{names.agent}</span>
          <span>{names.callee}</span>
        </span>
        <span>{stripEndWords(endMs, durationS)}</span>
      </div>
      {kinds.length > 0 && (
        <div className={classes.kinds}>
          {kinds.map(([letter, kind]) => (
            <span key={letter}>
              <b aria-hidden="true">{letter}</b> {kind}
            </span>
          ))}
        </div>
      )}
    </div>
  );
}
