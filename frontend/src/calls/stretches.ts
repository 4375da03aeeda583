import type { Segment, Speaker } from "../api/types";
import type { Interim, Transcript } from "../live/transcript";
import { isNear } from "./gaps";

const STRETCH_MS = 30_000;
const LINE_PX = 26;
const TURN_PX = 54;

/** What somebody is saying: it still changes. */
export interface Unsettled extends Interim {
  kind: "interim";
  speaker: Speaker;
}

export type Line = Segment | Unsettled;

/** Half a minute of the text. at: which one of the call. before: the line right before it. gaps: those in it and beside its lines. */
export interface Stretch {
  at: number;
  lines: readonly Line[];
  before: Line | undefined;
  gaps: readonly Segment[];
}

/** The settled text with what still changes where that began: what the other one says meanwhile comes below it, and once it settles
 * nothing has to make room for it. */
export function linesOf({ segments, interim }: Pick<Transcript, "segments" | "interim">): readonly Line[] {
  const lines: Line[] = [...segments];
  for (const speaker of ["agent", "callee"] as const) {
    const said = interim[speaker];
    if (said === undefined) continue;
    const before = lines.findLastIndex((line) => line.start_ms <= said.start_ms);
    lines.splice(before + 1, 0, { kind: "interim", speaker, ...said });
  }
  return lines;
}

/** Parts of the text by its time, not by its count: a line that comes late changes its own part alone.
 *
 * lines: in order of their start.
 */
export function stretchesOf(lines: readonly Line[]): Stretch[] {
  const found: { at: number; lines: Line[]; before: Line | undefined }[] = [];
  const gaps = lines.filter((line): line is Segment => line.kind === "gap");
  let before: Line | undefined;
  for (const line of lines) {
    const at = Math.floor(line.start_ms / STRETCH_MS);
    const last = found.at(-1);
    if (last?.at === at) last.lines.push(line);
    else found.push({ at, lines: [line], before });
    before = line;
  }
  return found.map((stretch) => ({ ...stretch, gaps: gapsBeside(stretch.lines, gaps) }));
}

function gapsBeside(lines: readonly Line[], gaps: readonly Segment[]): readonly Segment[] {
  if (gaps.length === 0) return gaps;
  const fromMs = lines[0]?.start_ms ?? 0;
  const toMs = lines.reduce((end, line) => Math.max(end, line.end_ms), fromMs);
  return gaps.filter((gap) => isNear(gap, fromMs, toMs));
}

/** About how high these lines will be, for as long as nobody has seen them. */
export function guessedPx(lines: readonly Line[]): number {
  let height = 0;
  let speaker: Line["speaker"] | undefined;
  for (const line of lines) {
    height += line.speaker === speaker ? LINE_PX : TURN_PX;
    speaker = line.speaker;
  }
  return height;
}
