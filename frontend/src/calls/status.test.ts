import { expect, test } from "vitest";
import { canHaveCome, shortageWords } from "./status";

test("what needs a conversation is offered only where somebody took the phone", () => {
  const rang = { answered_at: null };
  expect(canHaveCome("interested", rang)).toBe(false);
  expect(canHaveCome("meeting_booked", rang)).toBe(false);
  expect(canHaveCome("wrong_number", rang)).toBe(true);
  expect(canHaveCome("interested", { answered_at: "2026-03-01T12:00:00Z" })).toBe(true);
});

test("each step of a shortage has its own words, and a smaller model is named where one writes", () => {
  const words = [1, 2, 3, 4].map(shortageWords);
  expect(new Set(words).size).toBe(4);
  expect(words.filter((each) => each.includes("smaller model"))).toEqual([shortageWords(3)]);
  expect(shortageWords(0)).toBe("");
});
