import type { Segment } from "../api/types";

/** A line's place as an address names it, in ms from the call's beginning; never 0, which would be no place. */
export function placeOf({ start_ms }: Pick<Segment, "start_ms">): number {
  return Math.max(1, start_ms);
}

/** The line that an address names by its place: the one that begins there, not one that somebody else was still saying; words before
 * a gap. Else the first that is not over by then. */
export function segmentAt(segments: readonly Segment[], at: number): Segment | undefined {
  const beginning = segments.filter((segment) => placeOf(segment) === at);
  return (
    beginning.find(({ kind }) => kind === "speech") ??
    beginning[0] ??
    segments.find((segment) => segment.end_ms > at)
  );
}
