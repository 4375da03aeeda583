import { describe, expect, test } from "vitest";
import type { Segment } from "../api/types";
import { doubtRuns, overlaps } from "./doubt";
import { wholeOf } from "./gaps";

function said(...words: [string, number][]): Segment {
  return {
    id: "s1",
    call_id: "c1",
    sequence: 1,
    speaker: "agent",
    kind: "speech",
    start_ms: 0,
    end_ms: 1000,
    text: words.map(([text]) => text).join(" "),
    confidence: 0.9,
    words: words.map(([text, confidence]) => ({ text, confidence, start_ms: 0, end_ms: 0 })),
    replaces: [],
    correction: null,
    refusal: null,
  };
}

const WHOLE = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };

describe("doubt", () => {
  test("is shown for the words that have it, and the runs are the text", () => {
    const segment = said(["We", 0.9], ["met", 0.2], ["Brackwater", 0.1], ["in", 0.8], ["May.", 0.3]);
    const runs = doubtRuns(segment, WHOLE);
    expect(runs.map((run) => [run.text, run.doubt])).toEqual([
      ["We ", null],
      ["met Brackwater", "unsure"],
      [" in ", null],
      ["May.", "unsure"],
    ]);
    expect(runs.map((run) => run.text).join("")).toBe(segment.text);
  });

  test("is that of the whole text where its words are not known", () => {
    const segment = { ...said(["We", 0.1]), text: "We met.", confidence: 0.3 };
    expect(doubtRuns(segment, WHOLE)).toEqual([{ text: "We met.", doubt: "unsure", at: 0 }]);
    expect(doubtRuns({ ...segment, confidence: 0.8 }, WHOLE)[0]?.doubt).toBe(null);
  });

  test("is shown for the words beside a gap, however sure the recogniser was", () => {
    const words = [
      { text: "You", confidence: 0.9, start_ms: 10_100, end_ms: 10_300 },
      { text: "$100", confidence: 0.9, start_ms: 10_400, end_ms: 11_100 },
      { text: "for", confidence: 0.3, start_ms: 11_200, end_ms: 11_300 },
      { text: "it.", confidence: 0.9, start_ms: 11_400, end_ms: 11_600 },
    ];
    const segment = { ...said(["", 1]), text: "You $100 for it.", start_ms: 10_050, end_ms: 11_700, words };
    const gap = { ...said(["", 1]), kind: "gap" as const, speaker: null, start_ms: 4_000, end_ms: 10_000 };
    const runs = (...gaps: Segment[]) =>
      doubtRuns(segment, wholeOf(segment, gaps)).map((run) => [run.text, run.doubt]);
    expect(runs(gap)).toEqual([
      ["You $100", "cut"],
      [" ", null],
      ["for", "unsure"],
      [" it.", null],
    ]);
    expect(runs({ ...gap, start_ms: 11_900, end_ms: 15_000 })).toEqual([
      ["You $100 ", null],
      ["for", "unsure"],
      [" ", null],
      ["it.", "cut"],
    ]);
  });

  test("is none of a line that one said while the other one's sound was missing, nor of one further away", () => {
    const segment = { ...said(["Yes", 1]), start_ms: 5_000, end_ms: 6_000 };
    const gap = { ...said(["", 1]), kind: "gap" as const, speaker: null, start_ms: 4_000, end_ms: 10_000 };
    expect(wholeOf(segment, [gap])).toEqual(WHOLE);
    expect(wholeOf({ ...segment, start_ms: 11_000, end_ms: 12_000 }, [gap])).toEqual(WHOLE);
  });

  test("counts from the gap that reaches furthest where each track has one", () => {
    const segment = { ...said(["Yes", 1]), start_ms: 10_050, end_ms: 12_000 };
    const gap = { ...said(["", 1]), kind: "gap" as const, speaker: null, start_ms: 4_000, end_ms: 10_000 };
    const [wide, narrow] = [gap, { ...gap, start_ms: 4_010, end_ms: 9_800 }];
    expect(wholeOf(segment, [wide, narrow])).toEqual(wholeOf(segment, [narrow, wide]));
    expect(wholeOf(segment, [wide, narrow]).fromMs).toBe(10_500);
  });
});

describe("overlap", () => {
  const first = { ...said(["So", 1]), start_ms: 0, end_ms: 4000 };
  const other = { ...said(["Yes", 1]), speaker: "callee" as const, start_ms: 3000, end_ms: 6000 };

  test("is both speaking for a while", () => {
    expect(overlaps(other, first)).toBe(true);
    expect(overlaps({ ...other, start_ms: 3700 }, first)).toBe(false);
    expect(overlaps({ ...other, speaker: "agent" }, first)).toBe(false);
    expect(overlaps(other, undefined)).toBe(false);
  });
});
