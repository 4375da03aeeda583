import { describe, expect, test } from "vitest";
import type { Segment } from "../api/types";
import {
  asked,
  begun,
  followed,
  isChanged,
  neighbour,
  newestSpeech,
  nextAfter,
  withAside,
  withOther,
} from "./edit";

function line(id: string, text: string, changes: Partial<Segment> = {}): Segment {
  return {
    id,
    call_id: "c1",
    sequence: 1,
    speaker: "callee",
    kind: "speech",
    start_ms: 0,
    end_ms: 1_000,
    text,
    confidence: 0.9,
    words: [],
    replaces: [],
    correction: null,
    refusal: null,
    ...changes,
  };
}

const gap = line("gap", "", { kind: "gap", speaker: null });

describe("a line that is being put right", () => {
  const edit = { ...begun(line("a", "the fries are")), text: "the price is" };

  test("stays while its line stands, whatever comes", () => {
    expect(followed(edit, [line("a", "the fries are"), line("b", "too high")])).toBe(edit);
  });

  test("is put into the whole turn that takes its line's place", () => {
    const whole = line("w", "I think the fries are too high.", { replaces: ["a", "b"] });
    expect(followed(edit, [whole])).toEqual({
      segment: whole,
      text: "I think the price is too high.",
      isOther: false,
      aside: [],
      asked: 0,
      next: null,
    });
  });

  test("stays in the field beside a whole turn in which its line does not stand", () => {
    const whole = line("w", "I think the prize is too high.", { replaces: ["a"] });
    expect(followed(edit, [whole])).toEqual({ ...edit, segment: whole, isOther: true });
  });

  test("says what the whole turn says when nothing was changed yet", () => {
    const whole = line("w", "Nothing of it.", { replaces: ["a"] });
    const moved = followed(begun(line("a", "the fries are")), [whole]);
    expect(moved).toEqual(begun(whole));
    expect(isChanged(moved)).toBe(false);
  });

  test("goes along when something else of its line changes, and can be saved with the line's new number", () => {
    const noted = line("a", "the fries are", { sequence: 7, refusal: "dismissed" });
    expect(followed(edit, [noted])).toEqual({ ...edit, segment: noted });
    const moved = line("a", "the fries are", { sequence: 8, start_ms: 400 });
    expect(followed(followed(edit, [noted]), [moved]).segment.sequence).toBe(8);
    expect(followed({ ...edit, segment: moved }, [noted]).segment).toBe(moved);
  });

  test("stays in the field beside the text that somebody else gave its line meanwhile", () => {
    const theirs = line("a", "the prize is", { sequence: 7 });
    expect(followed(edit, [theirs])).toEqual({ ...edit, segment: theirs, isOther: true });
    const untouched = followed(begun(line("a", "the fries are")), [theirs]);
    expect(untouched).toEqual(begun(theirs));
  });

  test("is put aside for others' words, and comes back in their place", () => {
    const beside = followed(edit, [line("a", "the prize is", { sequence: 7 })]);
    const taken = withOther(beside);
    expect([taken.text, isChanged(taken), taken.aside]).toEqual(["the prize is", false, ["the price is"]]);
    const own = withAside({ ...taken, text: "the prizes are" }, "the price is");
    expect([own.text, own.isOther, own.aside]).toEqual(["the price is", true, ["the prizes are"]]);
    const again = followed(taken, [line("a", "the pies are", { sequence: 8 })]);
    expect([again.text, again.aside]).toEqual(["the pies are", ["the price is"]]);
  });

  test("is no news to who wrote it", () => {
    const own = line("a", "the price is", { sequence: 7 });
    const saved = followed({ ...edit, text: " the price is" }, [own]);
    expect(saved.isOther).toBe(false);
    expect(isChanged(saved)).toBe(false);
  });

  test("lets another one begin only while nothing unsaved is written, and leads to it afterwards", () => {
    const other = line("b", "too high");
    const whole = line("w", "They are too high.", { replaces: ["b", "c"] });
    expect(asked(begun(line("a", "the fries are")), other)).toBeNull();
    const kept = asked(edit, other);
    expect(kept).toEqual({ ...edit, asked: 1, next: other });
    expect(nextAfter(kept, [other])).toBe(other);
    expect(nextAfter(kept, [whole])).toBe(whole);
    expect(nextAfter(edit, [other])).toBeUndefined();
    expect(asked(edit, edit.segment)).toEqual({ ...edit, asked: 1 });
    const taken = withOther(followed(edit, [line("a", "the prize is", { sequence: 7 })]));
    expect(asked(taken, other)?.aside).toEqual(["the price is"]);
  });

  test("has neighbours that have words", () => {
    const lines = [line("z", "before"), gap, line("a", "the fries are"), line("b", "after"), gap];
    expect(neighbour(edit, lines, -1)?.id).toBe("z");
    expect(neighbour(edit, lines, 1)?.id).toBe("b");
    expect(neighbour(begun(line("b", "after")), lines, 1)).toBeUndefined();
    expect(newestSpeech(lines)?.id).toBe("b");
    expect(newestSpeech([gap])).toBeUndefined();
  });
});
