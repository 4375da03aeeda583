import { describe, expect, test } from "vitest";
import type { Segment, Speaker } from "../api/types";
import {
  asTold,
  caughtUp,
  emptyTranscript,
  heard,
  isMissingSome,
  refused,
  settled,
  type Transcript,
} from "./transcript";

function line(sequence: number, start_ms: number, end_ms: number, replaces: string[] = []): Segment {
  return {
    id: `s${sequence}`,
    call_id: "c1",
    sequence,
    kind: "speech",
    speaker: "callee" as Speaker,
    start_ms,
    end_ms,
    text: `words ${sequence}`,
    confidence: 0.9,
    words: [],
    replaces,
    correction: null,
    refusal: null,
  };
}

test("once a lead wants no text, none that is still on its way is shown", () => {
  const interim = { text: "and one more", start_ms: 4000, end_ms: 5000 };
  const spoken = heard(emptyTranscript, "callee", interim);
  expect(spoken.interim.callee).toEqual(interim);
  expect(refused(spoken).interim).toEqual({});
  expect(heard(refused(spoken), "callee", interim).interim).toEqual({});
});

test("a turn that was heard again is not read out where its lines were, and is where this page missed the last of them", () => {
  const first = settled(emptyTranscript, line(1, 0, 900));
  const both = settled(first, line(2, 1000, 1900));
  const whole = line(3, 0, 1900, ["s1", "s2"]);
  expect(settled(both, whole).again).toEqual(new Set(["s3"]));
  expect(caughtUp(both, [whole], 3).again).toEqual(new Set(["s3"]));
  // The network was away meanwhile.
  expect(caughtUp(first, [whole], 3).again).toEqual(new Set());
  expect(caughtUp(emptyTranscript, [whole], 3).again).toEqual(new Set());
  // Heard again once more: everything stood here, in whichever lines.
  const more = line(5, 0, 1900, ["s1", "s2", "s3"]);
  expect(settled(caughtUp(first, [whole], 3), more).again).toEqual(new Set(["s5"]));
  const kept = settled(settled(both, whole), line(4, 3000, 3900)).again;
  expect(kept).toEqual(new Set(["s3"]));
});

test("a line that begins later than was thought moves behind what was said before, and what was added takes its place", () => {
  const agent = { ...line(1, 4000, 8000), speaker: "agent" as Speaker };
  const both = [agent, line(2, 4500, 4900)].reduce(settled, emptyTranscript as Transcript);
  const later = { ...agent, sequence: 3, start_ms: 8000, end_ms: 9000 };
  const before = { ...line(4, 5000, 8000), speaker: "agent" as Speaker };
  for (const told of [
    [later, before],
    [before, later],
  ]) {
    const ids = told.reduce(settled, both).segments.map((each) => each.id);
    expect(ids).toEqual(["s2", "s4", "s1"]);
  }
  expect(caughtUp(both, [later, before], 4).segments.map((each) => each.id)).toEqual(["s2", "s4", "s1"]);
});

describe("what a call says of its text", () => {
  const interim = { text: "and one more", start_ms: 4000, end_ms: 5000 };
  const spoken = heard(settled(emptyTranscript, line(1, 0, 900)), "callee", interim);

  test("takes all of it away once it has been removed, and asks for none of it again", () => {
    const gone = asTold(spoken, { status: "completed", transcript_state: "expired" });
    expect(gone).toEqual({ ...emptyTranscript, known: 1, seen: 1 });
    expect(isMissingSome(gone)).toBe(false);
    expect(asTold(gone, { status: "completed", transcript_state: "expired" })).toBe(gone);
  });

  test("leaves what was settled before the lead wanted no more, and nothing that was still being said", () => {
    const kept = asTold(spoken, { status: "in_progress", transcript_state: "refused" });
    expect(kept).toMatchObject({ segments: spoken.segments, interim: {}, refused: true });
  });

  test("ends what was being said with the call, and changes nothing while it goes on", () => {
    expect(asTold(spoken, { status: "completed", transcript_state: "on" }).interim).toEqual({});
    expect(asTold(spoken, { status: "in_progress", transcript_state: "on" })).toBe(spoken);
  });
});
