import { describe, expect, it } from "vitest";
import type { Segment } from "../api/types";
import { emptyTranscript, heard, settled, type Transcript } from "../live/transcript";
import { guessedPx, type Line, linesOf, stretchesOf } from "./stretches";

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

function idOf(line: Line): string {
  return line.kind === "interim" ? `${line.speaker} still` : line.id;
}

function shown(transcript: Transcript): string[] {
  return linesOf(transcript).map(idOf);
}

describe("linesOf", () => {
  const interim = (start_ms: number) => ({ text: "so", start_ms, end_ms: start_ms + 300 });

  it("leaves every settled line where it is while a long sentence settles around a short one", () => {
    let text = settled(emptyTranscript, said("before", 0, "callee"));
    text = heard(text, "agent", interim(1_000));
    text = heard(text, "callee", interim(1_400));
    expect(shown(text)).toEqual(["before", "agent still", "callee still"]);
    text = settled(text, said("right", 1_400, "callee"));
    expect(shown(text)).toEqual(["before", "agent still", "right"]);
    text = settled(text, said("sentence", 1_000));
    expect(shown(text)).toEqual(["before", "sentence", "right"]);
  });

  it("has what begins together in the order in which it settles", () => {
    const text = heard(settled(emptyTranscript, said("right", 1_000, "callee")), "agent", interim(1_000));
    expect(shown(text)).toEqual(["right", "agent still"]);
    expect(shown(settled(text, { ...said("sentence", 1_000), sequence: 2 }))).toEqual(["right", "sentence"]);
  });

  it("is the settled text where nobody speaks", () => {
    const text = settled(emptyTranscript, said("right", 1_000, "callee"));
    expect(linesOf(text)).toEqual(text.segments);
  });
});

describe("stretchesOf", () => {
  it("parts the text every half minute and keeps every line in order", () => {
    const text = [said("a", 0), said("b", 29_999), said("c", 30_000), said("d", 95_000)];
    const parts = stretchesOf(text);
    expect(parts.map((part) => part.at)).toEqual([0, 1, 3]);
    expect(parts.flatMap((part) => part.lines)).toEqual(text);
    expect(parts.map((part) => part.before && idOf(part.before))).toEqual([undefined, "b", "c"]);
  });

  it("leaves every other part as it was when a line comes late", () => {
    const text = Array.from({ length: 100 }, (_, at) => said(`s${at}`, at * 1_000));
    const late = [...text, said("late", 35_500)].sort((a, b) => a.start_ms - b.start_ms);
    const [before, after] = [stretchesOf(text), stretchesOf(late)];
    const changed = after.filter((part, at) => part.lines.length !== before[at]?.lines.length);
    expect(changed.map((part) => part.at)).toEqual([1]);
  });

  it("has each part once when a line's beginning moves into the next half minute", () => {
    const moved = { ...said("agent", 30_500), sequence: 3 };
    const text = [
      said("agent", 28_000),
      said("callee", 29_000, "callee"),
      said("next", 31_000),
      moved,
    ].reduce(settled, emptyTranscript as Transcript);
    const parts = stretchesOf(text.segments);
    expect(parts.map((part) => part.at)).toEqual([0, 1]);
    expect(parts.flatMap((part) => part.lines.map(idOf))).toEqual(["callee", "agent", "next"]);
  });

  it("knows of each part the gaps in it and beside its lines", () => {
    const late = { ...said("late", 29_000), end_ms: 31_000 };
    const text = [said("a", 0), late, said("gap", 31_200, null), said("b", 40_000), said("c", 65_000)];
    expect(stretchesOf(text).map((part) => part.gaps.map(idOf))).toEqual([["gap"], ["gap"], []]);
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
