import type { Segment } from "../api/types";

const STRETCH_MS = 30_000;
const LINE_PX = 26;
const TURN_PX = 54;

/** Half a minute of the text. at: which one of the call. before: the segment right before it. */
export interface Stretch {
  at: number;
  segments: readonly Segment[];
  before: Segment | undefined;
}

/** Parts of the text by its time, not by its count: a line that comes late changes its own part alone.
 *
 * segments: in order of their start.
 */
export function stretchesOf(segments: readonly Segment[]): Stretch[] {
  const found: { at: number; segments: Segment[]; before: Segment | undefined }[] = [];
  let before: Segment | undefined;
  for (const segment of segments) {
    const at = Math.floor(segment.start_ms / STRETCH_MS);
    const last = found.at(-1);
    if (last?.at === at) last.segments.push(segment);
    else found.push({ at, segments: [segment], before });
    before = segment;
  }
  return found;
}

/** About how high these lines will be, for as long as nobody has seen them. */
export function guessedPx(segments: readonly Segment[]): number {
  let height = 0;
  let speaker: Segment["speaker"] | undefined;
  for (const segment of segments) {
    height += segment.speaker === speaker ? LINE_PX : TURN_PX;
    speaker = segment.speaker;
  }
  return height;
}
