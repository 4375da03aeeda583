import type { Call, Segment, Speaker } from "../api/types";
import { isLive } from "../calls/status";

export interface Interim {
  text: string;
  start_ms: number;
  end_ms: number;
}

/** What the recognisers leave out for lack of time: 1 interim text, 2 also the second hearing, 3 also the larger model, 4 text
 * comes late. */
export interface Shortage {
  level: number;
  /** When the server last said so, ISO. */
  at: string;
}

/** A call's text as this browser knows it.
 *
 * segments: settled, in order of their time. known: the newest event number up to which nothing is missing.
 * seen: the highest number that any event had. again: lines that say what lines said which this browser held before. interim: text
 * that still changes. refused: the lead wants none, so none is shown.
 */
export interface Transcript {
  segments: readonly Segment[];
  known: number;
  seen: number;
  again: ReadonlySet<string>;
  interim: Partial<Record<Speaker, Interim>>;
  shortage: Shortage | null;
  refused: boolean;
}

const SPEAKERS: readonly Speaker[] = ["agent", "callee"];

export const emptyTranscript: Transcript = {
  segments: [],
  known: 0,
  seen: 0,
  again: new Set(),
  interim: {},
  shortage: null,
  refused: false,
};

/** Whether the server must be asked for events that got lost. */
export function isMissingSome(transcript: Transcript): boolean {
  return transcript.seen > transcript.known;
}

function inOrder(a: Segment, b: Segment): number {
  return a.start_ms - b.start_ms || a.sequence - b.sequence;
}

/** Puts newer states of segments in their old places, as of a correction, unless they begin elsewhere by now. */
function withNewer(segments: readonly Segment[], added: readonly Segment[]): readonly Segment[] {
  const newest = new Map<string, Segment>();
  for (const segment of added) {
    if (segment.sequence >= (newest.get(segment.id)?.sequence ?? 0)) newest.set(segment.id, segment);
  }
  const newer = (held: Segment): Segment | undefined => {
    const other = newest.get(held.id);
    return other && other.sequence > held.sequence ? other : undefined;
  };
  if (!segments.some(newer)) return segments;
  const changed = segments.map((segment) => newer(segment) ?? segment);
  const hasMoved = changed.some((segment, at) => segment.start_ms !== segments[at]?.start_ms);
  return hasMoved ? changed.sort(inOrder) : changed;
}

/** Adds segments, and takes out those whose place they take. One that was replaced never comes back. */
function withSegments(held: readonly Segment[], added: readonly Segment[]): readonly Segment[] {
  const segments = withNewer(held, added);
  const have = new Set(segments.map((segment) => segment.id));
  for (const segment of [...segments, ...added]) {
    for (const replaced of segment.replaces) have.add(replaced);
  }
  const fresh = added.filter((segment) => !have.has(segment.id));
  if (fresh.length === 0) return segments;
  const gone = new Set(fresh.flatMap((segment) => segment.replaces));
  const kept = gone.size > 0 ? segments.filter((segment) => !gone.has(segment.id)) : segments;
  const last = kept.at(-1);
  const joined = [...kept, ...fresh];
  const atEnd = fresh.length === 1 && (last === undefined || inOrder(last, fresh[0] as Segment) <= 0);
  return atEnd ? joined : joined.sort(inOrder);
}

/** Adds those lines by which nothing new is said: up to their end everything stood in lines whose place they take. A turn that was
 * heard again as a whole, while this browser missed its last parts, does say something new. */
function withAgain(transcript: Transcript, added: readonly Segment[]): ReadonlySet<string> {
  const again = added.filter(
    (whole) =>
      !transcript.again.has(whole.id) &&
      transcript.segments.some((held) => held.end_ms >= whole.end_ms && whole.replaces.includes(held.id)),
  );
  return again.length > 0
    ? new Set([...transcript.again, ...again.map((segment) => segment.id)])
    : transcript.again;
}

/** Interim text goes once settled text of the same speaker, or a gap of whomever, covers its beginning. */
function withoutSettled(interim: Transcript["interim"], settled: readonly Segment[]): Transcript["interim"] {
  let left = interim;
  for (const segment of settled) {
    for (const speaker of segment.speaker === null ? SPEAKERS : [segment.speaker]) {
      const text = left[speaker];
      if (text !== undefined && segment.end_ms > text.start_ms) left = { ...left, [speaker]: undefined };
    }
  }
  return left;
}

/** An event's number arrived: the next one closes up, a higher one means that something is missing. */
export function noticed(transcript: Transcript, sequence: number): Transcript {
  if (sequence <= transcript.known) return transcript;
  const known = sequence === transcript.known + 1 ? sequence : transcript.known;
  return { ...transcript, known, seen: Math.max(transcript.seen, sequence) };
}

export function settled(transcript: Transcript, segment: Segment): Transcript {
  return {
    ...noticed(transcript, segment.sequence),
    segments: withSegments(transcript.segments, [segment]),
    again: withAgain(transcript, [segment]),
    interim: withoutSettled(transcript.interim, [segment]),
  };
}

/** Interim text that comes later than the settled text of the same stretch is old news; an empty one takes back what was no speech. */
export function heard(transcript: Transcript, speaker: Speaker, interim: Interim): Transcript {
  if (transcript.refused) return transcript;
  if (interim.text === "") {
    return { ...transcript, interim: { ...transcript.interim, [speaker]: undefined } };
  }
  const covered = transcript.segments.some(
    (segment) =>
      segment.speaker === speaker && segment.kind === "speech" && segment.end_ms > interim.start_ms,
  );
  if (covered) return transcript;
  return { ...transcript, interim: { ...transcript.interim, [speaker]: interim } };
}

/** All that the server holds after `known` was fetched: latestSequence is the call's newest event number. */
export function caughtUp(
  transcript: Transcript,
  fetched: readonly Segment[],
  latestSequence: number,
): Transcript {
  return {
    ...transcript,
    segments: withSegments(transcript.segments, fetched),
    again: withAgain(transcript, fetched),
    known: Math.max(transcript.known, latestSequence),
    seen: Math.max(transcript.seen, latestSequence),
    interim: withoutSettled(transcript.interim, fetched),
  };
}

/** The recognisers told what they leave out. */
export function short(transcript: Transcript, level: number, at: string): Transcript {
  if (level === 0) return transcript.shortage === null ? transcript : { ...transcript, shortage: null };
  return { ...transcript, shortage: { level, at } };
}

/** The lead wants no text: what was being recognised is not shown either, though it may still be on its way. */
export function refused(transcript: Transcript): Transcript {
  return transcript.refused ? transcript : { ...transcript, interim: {}, refused: true };
}

/** Nobody speaks any more, or nobody tells this browser what they say. */
export function silent(transcript: Transcript): Transcript {
  const quiet = Object.keys(transcript.interim).length === 0 && transcript.shortage === null;
  return quiet ? transcript : { ...transcript, interim: {}, shortage: null };
}

/** The text has been removed from the server for good: it goes from the page, and is not asked for again. */
export function removed(transcript: Transcript): Transcript {
  const { known, seen } = transcript;
  return transcript.segments.length === 0 ? silent(transcript) : { ...emptyTranscript, known, seen };
}

/** What a call's state means for its text. */
export function asTold(
  transcript: Transcript,
  { status, transcript_state }: Pick<Call, "status" | "transcript_state">,
): Transcript {
  if (transcript_state === "expired") return removed(transcript);
  const next = transcript_state === "refused" ? refused(transcript) : transcript;
  return isLive(status) ? next : silent(next);
}
