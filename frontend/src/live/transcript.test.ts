import { expect, test } from "vitest";
import type { Segment, Speaker } from "../api/types";
import { caughtUp, emptyTranscript, heard, refused, settled } from "./transcript";

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
