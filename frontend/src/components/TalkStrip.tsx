import { memo } from "react";
import type { SpeechSpan } from "../api/types";
import { clock, clockMs } from "../format/time";
import classes from "./TalkStrip.module.css";

/** Percent of the strip; what is shorter would vanish. */
export const THINNEST = 0.4;
const WIDTH = 100;

/** So much earlier than the call's length its text may begin. */
const BEFORE_ANSWER_MS = 2_000;

export interface Lanes {
  height: number;
  laneHeight: number;
}

export const MINIATURE: Lanes = { height: 16, laneHeight: 6 };

/** pieces: all that is drawn. A call is counted from the lead's answer, and its text from a little before. */
export function stripEndMs(pieces: readonly { end_ms: number }[], durationS: number): number {
  const lastMs = pieces.reduce((end, span) => Math.max(end, span.end_ms), 0);
  return Math.max(lastMs, durationS * 1000, 1000);
}

/** What stands at its end: the length that the call has everywhere else, unless what is drawn goes on well beyond it. */
export function stripEndWords(endMs: number, durationS: number): string {
  return endMs - durationS * 1000 <= BEFORE_ANSWER_MS ? clock(durationS) : clockMs(endMs);
}

/** The two lanes, agent above callee, drawn in a box of 100 by `height`; put into an <svg>. */
export const SpeechLanes = memo(function SpeechLanes({ speech, startMs = 0, endMs, lanes }: LanesProps) {
  const scale = WIDTH / (endMs - startMs);
  const lowerY = lanes.height - lanes.laneHeight;
  return (
    <>
      <line
        className={classes.lane}
        x1={0}
        x2={WIDTH}
        y1={lanes.laneHeight / 2}
        y2={lanes.laneHeight / 2}
        vectorEffect="non-scaling-stroke"
      />
      <line
        className={classes.lane}
        x1={0}
        x2={WIDTH}
        y1={lowerY + lanes.laneHeight / 2}
        y2={lowerY + lanes.laneHeight / 2}
        vectorEffect="non-scaling-stroke"
      />
      {/* One shape a lane: an hour's talk is thousands of spans. */}
      {(["agent", "callee"] as const).map((speaker) => (
        <path
          key={speaker}
          className={classes[speaker]}
          d={speech
            .filter((span) => span.speaker === speaker)
            .map((span) => {
              const width = Math.max(THINNEST, (span.end_ms - span.start_ms) * scale);
              const left = (span.start_ms - startMs) * scale;
              return `M${left} ${speaker === "agent" ? 0 : lowerY}h${width}v${lanes.laneHeight}h${-width}z`;
            })
            .join("")}
        />
      ))}
    </>
  );
});

interface LanesProps {
  speech: readonly SpeechSpan[];
  startMs?: number;
  endMs: number;
  lanes: Lanes;
}

function spokenMs(speech: readonly SpeechSpan[], speaker: SpeechSpan["speaker"]): number {
  return speech.reduce(
    (sum, span) => (span.speaker === speaker ? sum + span.end_ms - span.start_ms : sum),
    0,
  );
}

/** A call at a glance: who spoke when. */
export function TalkStripMiniature({
  speech,
  durationS,
}: {
  speech: readonly SpeechSpan[];
  durationS: number;
}) {
  if (speech.length === 0) return <span className="quiet">No text</span>;
  const label = `You spoke ${clockMs(spokenMs(speech, "agent"))}, the lead ${clockMs(spokenMs(speech, "callee"))}`;
  return (
    <svg
      className={classes.strip}
      viewBox={`0 0 ${WIDTH} ${MINIATURE.height}`}
      height={MINIATURE.height}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <SpeechLanes speech={speech} endMs={stripEndMs(speech, durationS)} lanes={MINIATURE} />
    </svg>
  );
}

/** The stretch of a call around a quote. */
export function TalkSlice({
  speech,
  startMs,
  endMs,
}: {
  speech: readonly SpeechSpan[];
  startMs: number;
  endMs: number;
}) {
  return (
    <svg
      className={`${classes.strip} ${classes.slice}`}
      viewBox={`0 0 ${WIDTH} ${MINIATURE.height}`}
      height={MINIATURE.height}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <SpeechLanes
        speech={speech.filter((span) => span.end_ms > startMs && span.start_ms < endMs)}
        startMs={startMs}
        endMs={endMs}
        lanes={MINIATURE}
      />
    </svg>
  );
}
