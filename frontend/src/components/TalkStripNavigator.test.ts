import { expect, test } from "vitest";
import type { Segment } from "../api/types";
import { stripEndWords } from "./TalkStrip";
import { inRows, nearest, type StripMark } from "./TalkStripNavigator";

const mark = (atMs: number): StripMark => ({
  atMs,
  letter: "O",
  kind: "Objection",
  label: `at ${atMs}`,
  segmentId: `s${atMs}`,
});

test("marks at the same place stand above one another, others beside", () => {
  const placed = inRows([mark(50_000), mark(10_000), mark(10_000), mark(11_000)], 100_000);
  expect(placed.map(({ mark: { atMs }, row }) => [atMs, row])).toEqual([
    [10_000, 0],
    [10_000, 1],
    [11_000, 2],
    [50_000, 0],
  ]);
});

test("marks at the ends stay on the strip", () => {
  const shares = inRows([mark(0), mark(100_000)], 100_000).map(({ share }) => share);
  expect(shares[0]).toBeGreaterThan(0);
  expect(shares[1]).toBeLessThan(1);
});

function piece(id: string, speaker: Segment["speaker"], start_ms: number, end_ms: number): Segment {
  return {
    id,
    call_id: "c1",
    sequence: 1,
    speaker,
    kind: speaker === null ? "gap" : "speech",
    start_ms,
    end_ms,
    text: id,
    confidence: null,
    words: [],
    replaces: [],
    correction: null,
    refusal: null,
  };
}

test("a gap is chosen where nobody's words are, and where the words are the other one's", () => {
  const segments = [
    piece("before", "agent", 0, 4_000),
    piece("gap", null, 4_000, 20_000),
    piece("within", "callee", 8_000, 9_000),
    piece("after", "agent", 20_000, 24_000),
  ];
  const at = (ms: number, lower: boolean) => nearest(segments, ms, lower, 24_000)?.id;
  expect(at(12_000, false)).toBe("gap");
  expect(at(12_000, true)).toBe("gap");
  expect(at(8_500, true)).toBe("within");
  expect(at(8_500, false)).toBe("gap");
  expect(at(3_000, false)).toBe("before");
  expect(at(3_000, true)).toBe("before");
  expect(at(22_000, true)).toBe("after");
});

test("a gap of a second can be hit wherever it is drawn on the strip of an hour", () => {
  const segments = [piece("gap", null, 600_000, 601_000), piece("after", "agent", 601_500, 605_000)];
  expect(nearest(segments, 600_500, true, 3_600_000)?.id).toBe("gap");
  expect(nearest(segments, 612_000, true, 3_600_000)?.id).toBe("gap");
  expect(nearest(segments, 604_000, false, 3_600_000)?.id).toBe("after");
});

test("the strip ends with the call's length although its text began a moment before the answer", () => {
  expect(stripEndWords(187_400, 186)).toBe("3:06");
  expect(stripEndWords(186_000, 186)).toBe("3:06");
  expect(stripEndWords(635_000, 4)).toBe("10:35");
});
