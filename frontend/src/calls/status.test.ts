import { expect, test } from "vitest";
import { canHaveCome } from "./status";

test("what needs a conversation is offered only where somebody took the phone", () => {
  const rang = { answered_at: null };
  expect(canHaveCome("interested", rang)).toBe(false);
  expect(canHaveCome("meeting_booked", rang)).toBe(false);
  expect(canHaveCome("wrong_number", rang)).toBe(true);
  expect(canHaveCome("interested", { answered_at: "2026-03-01T12:00:00Z" })).toBe(true);
});
