import { describe, expect, test } from "vitest";
import type { Segment } from "../api/types";
import { doubtRuns, overlaps } from "./doubt";

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

describe("doubt", () => {
  test("is shown for the words that have it, and the runs are the text", () => {
    const segment = said(["We", 0.9], ["met", 0.2], ["Brackwater", 0.1], ["in", 0.8], ["May.", 0.3]);
    const runs = doubtRuns(segment);
    expect(runs.map((run) => [run.text, run.doubtful])).toEqual([
      ["We ", false],
      ["met Brackwater", true],
      [" in ", false],
      ["May.", true],
    ]);
    expect(runs.map((run) => run.text).join("")).toBe(segment.text);
  });

  test("is that of the whole text where its words are not known", () => {
    const segment = { ...said(["We", 0.1]), text: "We met.", confidence: 0.3 };
    expect(doubtRuns(segment)).toEqual([{ text: "We met.", doubtful: true, at: 0 }]);
    expect(doubtRuns({ ...segment, confidence: 0.8 })[0]?.doubtful).toBe(false);
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
