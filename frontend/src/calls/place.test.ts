import { describe, expect, test } from "vitest";
import type { Segment } from "../api/types";
import { placeOf, segmentAt } from "./place";

function line(id: string, start_ms: number, end_ms: number, speaker: Segment["speaker"] = "agent"): Segment {
  return {
    id,
    call_id: "c1",
    sequence: 1,
    speaker,
    kind: speaker === null ? "gap" : "speech",
    start_ms,
    end_ms,
    text: id,
    confidence: 0.9,
    words: [],
    replaces: [],
    correction: null,
    refusal: null,
  };
}

describe("the line at a place of a call", () => {
  const long = line("long", 0, 4_000);
  const across = line("across", 3_000, 5_000, "callee");
  const after = line("after", 6_000, 7_000);

  test("is the one that begins there, whoever was still speaking", () => {
    const segments = [long, across, after];
    for (const each of segments) expect(segmentAt(segments, placeOf(each))).toBe(each);
  });

  test("is the words where a gap begins with them", () => {
    const gap = line("gap", 6_000, 9_000, null);
    expect(segmentAt([long, across, gap, after], 6_000)).toBe(after);
    expect(segmentAt([long, across, gap], 6_000)).toBe(gap);
  });

  test("is the first that is not over, where none begins there", () => {
    expect(segmentAt([long, across, after], 3_500)).toBe(long);
    expect(segmentAt([long, across, after], 5_500)).toBe(after);
    expect(segmentAt([long, across, after], 7_000)).toBeUndefined();
  });
});
