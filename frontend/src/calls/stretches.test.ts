import { describe, expect, it } from "vitest";
import type { Segment } from "../api/types";
import { guessedPx, stretchesOf } from "./stretches";

function said(id: string, start_ms: number, speaker: Segment["speaker"] = "agent"): Segment {
  return {
    id,
    call_id: "c",
    sequence: 1,
    speaker,
    kind: speaker === null ? "gap" : "speech",
    start_ms,
    end_ms: start_ms + 400,
    text: id,
    confidence: 0.9,
    words: [],
    replaces: [],
    correction: null,
    refusal: null,
  };
}

describe("stretchesOf", () => {
  it("parts the text every half minute and keeps every line in order", () => {
    const text = [said("a", 0), said("b", 29_999), said("c", 30_000), said("d", 95_000)];
    const parts = stretchesOf(text);
    expect(parts.map((part) => part.at)).toEqual([0, 1, 3]);
    expect(parts.flatMap((part) => part.segments)).toEqual(text);
    expect(parts.map((part) => part.before?.id)).toEqual([undefined, "b", "c"]);
  });

  it("leaves every other part as it was when a line comes late", () => {
    const text = Array.from({ length: 100 }, (_, at) => said(`s${at}`, at * 1_000));
    const late = [...text, said("late", 35_500)].sort((a, b) => a.start_ms - b.start_ms);
    const [before, after] = [stretchesOf(text), stretchesOf(late)];
    const changed = after.filter((part, at) => part.segments.length !== before[at]?.segments.length);
    expect(changed.map((part) => part.at)).toEqual([1]);
  });

  it("has no parts without text", () => {
    expect(stretchesOf([])).toEqual([]);
  });
});

describe("guessedPx", () => {
  it("gives a new speaker's line the room of a name", () => {
    const turns = guessedPx([said("a", 0), said("b", 1_000, "callee")]);
    expect(turns).toBeGreaterThan(guessedPx([said("a", 0), said("b", 1_000)]));
  });
});
