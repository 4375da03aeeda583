import { expect, test } from "vitest";
import {
  canHaveCome,
  endWords,
  mayBeCalledAgain,
  noTextWords,
  shortageWords,
  slowEndWords,
  slowStartWords,
  transcriptWords,
} from "./status";

test("what needs a conversation is offered only where somebody took the phone", () => {
  const rang = { answered_at: null };
  expect(canHaveCome("interested", rang)).toBe(false);
  expect(canHaveCome("meeting_booked", rang)).toBe(false);
  expect(canHaveCome("wrong_number", rang)).toBe(true);
  expect(canHaveCome("interested", { answered_at: "2026-03-01T12:00:00Z" })).toBe(true);
});

test("each step of a shortage says what is different about the text", () => {
  const many = "Many calls are going on: text";
  expect([0, 1, 2, 3, 4].map(shortageWords)).toEqual([
    "",
    `${many} appears a sentence at a time.`,
    `${many} appears a sentence at a time, with more mistakes than usual.`,
    `${many} appears a sentence at a time, from a smaller model that makes more mistakes than usual.`,
    `${many} comes later than usual, and what takes too long is marked as a gap.`,
  ]);
});

test("a call that nobody answered says so in place of a transcript that was off", () => {
  for (const status of ["busy", "no_answer", "cancelled", "failed"] as const) {
    expect(transcriptWords({ status, transcript_state: "off", end_reason: null })).toBe(
      "Nobody spoke, so nothing was written down.",
    );
  }
  expect(transcriptWords({ status: "completed", transcript_state: "off", end_reason: "hung_up" })).toBe(
    "The transcript was off in this call.",
  );
});

test("a lead who wants no calls is not told as one who wants no text", () => {
  const refused = { status: "completed", transcript_state: "refused" } as const;
  expect(transcriptWords({ ...refused, end_reason: "hung_up" })).toContain("refused the transcript");
  expect(transcriptWords({ ...refused, end_reason: "lead_opted_out" })).toBe(
    "Nothing was written down: the lead asked not to be called again.",
  );
  expect(endWords({ end_reason: "lead_opted_out", ended_by: null })).toContain("pressed 9");
});

test("a call that a wish about somebody's data ends is not told as one of them hanging up", () => {
  for (const end_reason of ["lead_stopped_calls", "lead_restricted", "rep_restricted"])
    expect(endWords({ end_reason, ended_by: null })).toContain("so it was ended");
});

test("who pressed 9, is on the do-not-call list or was erased is not offered for another call", () => {
  const lead = { suppressed: false, erased_at: null };
  expect(mayBeCalledAgain("hung_up", lead)).toBe(true);
  expect(mayBeCalledAgain("lead_opted_out", lead)).toBe(false);
  expect(mayBeCalledAgain("lead_stopped_calls", lead)).toBe(false);
  expect(mayBeCalledAgain("hung_up", { ...lead, suppressed: true })).toBe(false);
  expect(mayBeCalledAgain("hung_up", { ...lead, erased_at: "2026-03-01T12:00:00Z" })).toBe(false);
  expect(mayBeCalledAgain("hung_up", undefined)).toBe(false);
});

test("a rep whose carrier says nothing is told what they can do themselves", () => {
  const ends = (way: "phone" | "browser", status: "rep_ringing" | "in_progress", soundIsHere = false) =>
    slowEndWords({ way, status }, soundIsHere);
  expect(ends("phone", "in_progress")).toContain("Put down your phone");
  expect(ends("phone", "rep_ringing")).toContain("Do not take the call");
  expect(ends("browser", "in_progress")).toContain("has left the line");
  expect(ends("browser", "in_progress", true)).toContain("press Hang up");
  expect(slowStartWords({ lead: { name: "Ada Able" } })).toContain(
    "Nothing is charged until Ada Able answers",
  );
});

test("a call without text says why, and while it goes on that text is yet to come", () => {
  const on = { transcript_state: "on", end_reason: null, answered_at: "2026-03-01T12:00:00Z" } as const;
  expect(noTextWords({ ...on, status: "in_progress" })).toBe(
    "What both of you say appears here while you speak.",
  );
  expect(noTextWords({ ...on, status: "completed" })).toBe("No speech was recognised in this call.");
  expect(noTextWords({ ...on, status: "no_answer", answered_at: null })).toBe("Nobody spoke in this call.");
  const refused = { ...on, status: "in_progress", transcript_state: "refused" } as const;
  expect(noTextWords(refused)).toBe(transcriptWords(refused));
});
