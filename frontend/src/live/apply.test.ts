import { describe, expect, test } from "vitest";
import { keys } from "../api/keys";
import type { Balance, Call, Segment, ServerEvent } from "../api/types";
import { apply } from "./apply";
import type { Change } from "./change";
import {
  caughtUp,
  emptyTranscript,
  heard,
  isMissingSome,
  noticed,
  settled,
  type Transcript,
} from "./transcript";

const viewer = { userId: "me", now: "2026-05-20T10:01:00Z" };

function segment(sequence: number, start_ms: number, speaker: "agent" | "callee" = "agent"): Segment {
  return {
    id: `s${sequence}`,
    call_id: "c1",
    sequence,
    speaker,
    kind: "speech",
    start_ms,
    end_ms: start_ms + 900,
    text: `words ${sequence}`,
    confidence: 0.9,
    words: [],
    replaces: [],
    correction: null,
    refusal: null,
  };
}

function call(sequence: number, changes: Partial<Call> = {}): Call {
  return {
    id: "c1",
    lead: { id: "l1", name: "Ada", phone_e164: "+447700900123" },
    user: { id: "me", name: "Rep" },
    way: "phone",
    status: "in_progress",
    transcript_state: "on",
    created_at: "2026-05-20T10:00:00Z",
    answered_at: "2026-05-20T10:00:10Z",
    ended_at: null,
    duration_s: 5,
    charged_mcredits: 0,
    seconds_left: 600,
    limit_s: null,
    sequence,
    end_reason: null,
    ended_by: null,
    voicemail: false,
    outcome: null,
    disposition: null,
    notes: "",
    as_of: "2026-05-20T10:00:15Z",
    ...changes,
  };
}

/** What stands under a key after the changes, when `held` stood there before. */
function valueAfter(changes: Change[], key: readonly unknown[], held: unknown): unknown {
  return changes
    .filter((change) => JSON.stringify(change.key) === JSON.stringify(key))
    .reduce((value, change) => ("with" in change ? change.with(value) : value), held);
}

function refetched(changes: Change[], key: readonly unknown[]): boolean {
  return changes.some(
    (change) => change.do === "refetch" && JSON.stringify(change.key) === JSON.stringify(key),
  );
}

describe("a transcript", () => {
  test("takes segments in the order of their time, each once", () => {
    let transcript: Transcript = emptyTranscript;
    for (const each of [segment(1, 0), segment(2, 3000), segment(3, 1500, "callee"), segment(2, 3000)]) {
      transcript = settled(transcript, each);
    }
    expect(transcript.segments.map((each) => each.sequence)).toEqual([1, 3, 2]);
    expect(transcript.known).toBe(3);
    expect(isMissingSome(transcript)).toBe(false);
  });

  test("knows that something is missing when a number is left out, until it has caught up", () => {
    const gap = settled(settled(emptyTranscript, segment(1, 0)), segment(4, 4000));
    expect(isMissingSome(gap)).toBe(true);
    expect(gap.known).toBe(1);
    const whole = caughtUp(gap, [segment(2, 1000), segment(4, 4000)], 5);
    expect(whole.segments.map((each) => each.sequence)).toEqual([1, 2, 4]);
    expect(whole.known).toBe(5);
    expect(isMissingSome(whole)).toBe(false);
    expect(isMissingSome(caughtUp(gap, [segment(2, 1000)], 3))).toBe(true);
  });

  test("puts a turn that was heard as a whole in the place of its parts, in whatever order they come", () => {
    const whole = { ...segment(4, 0), end_ms: 3900, replaces: ["s1", "s2"] };
    const parts = [segment(1, 0), segment(2, 3000)];
    const answer = segment(3, 1500, "callee");
    const orders = [
      [...parts, answer, whole],
      [whole, answer, ...parts],
      [segment(1, 0), whole, segment(2, 3000), answer],
    ];
    for (const order of orders) {
      const transcript = order.reduce(settled, emptyTranscript as Transcript);
      expect(transcript.segments.map((each) => each.id)).toEqual(["s4", "s3"]);
      expect(caughtUp(transcript, [answer, whole], 4).segments.map((each) => each.id)).toEqual(["s4", "s3"]);
    }
  });

  test("counts changes of the call among its numbers", () => {
    expect(noticed({ ...emptyTranscript, known: 3, seen: 3 }, 4)).toMatchObject({ known: 4, seen: 4 });
    expect(noticed({ ...emptyTranscript, known: 3, seen: 3 }, 3)).toMatchObject({ known: 3 });
    expect(noticed({ ...emptyTranscript, known: 3, seen: 3 }, 6)).toMatchObject({ known: 3, seen: 6 });
  });

  test("forgets interim text that proved to be no speech, and what a gap covers, whoever spoke", () => {
    const text = { text: "wor", start_ms: 1000, end_ms: 1500 };
    const both = heard(heard(emptyTranscript, "agent", text), "callee", { ...text, start_ms: 5000 });
    expect(heard(both, "agent", { ...text, text: "" }).interim.agent).toBeUndefined();
    const gap: Segment = { ...segment(1, 900), speaker: null, kind: "gap", text: "" };
    const left = settled(both, gap).interim;
    expect(left.agent).toBeUndefined();
    expect(left.callee).toBeDefined();
  });

  test("drops interim text once it is settled, of that speaker only", () => {
    const text = { text: "wor", start_ms: 0, end_ms: 400 };
    let transcript = heard(heard(emptyTranscript, "agent", text), "callee", text);
    transcript = settled(transcript, segment(1, 0, "agent"));
    expect(transcript.interim.agent).toBeUndefined();
    expect(transcript.interim.callee).toEqual(text);
    expect(heard(transcript, "agent", text).interim.agent).toBeUndefined();
    expect(heard(transcript, "agent", { ...text, start_ms: 1000 }).interim.agent).toBeDefined();
  });
});

describe("a pause of calling", () => {
  test("asks again why, and for every lead whether it may be called", () => {
    expect(apply({ type: "dialling.changed", paused: true }, viewer)).toEqual([
      { do: "refetch", key: keys.dialPause },
      { do: "refetch", key: keys.leads.dialChecks },
    ]);
  });
});

describe("the queue", () => {
  const ada = { lead_id: "l1", user_id: "other", name: "Ada", until: "2026-05-20T10:05:00Z" };
  const reserved: ServerEvent = { type: "lead.reserved", reservation: ada };
  const released: ServerEvent = { type: "lead.released", lead_id: "l1", user_id: "other" };

  test("knows who has which lead, whatever is told twice or late", () => {
    const before = { ...ada, user_id: "me", name: "Me" };
    const after = valueAfter(apply(reserved, viewer), keys.queue.reservations, [before]);
    expect(after).toEqual([ada]);
    expect(valueAfter(apply(reserved, viewer), keys.queue.reservations, after)).toEqual([ada]);
    // Somebody has it by now who is not the one that let it go.
    expect(valueAfter(apply(released, viewer), keys.queue.reservations, [before])).toEqual([before]);
    expect(valueAfter(apply(released, viewer), keys.queue.reservations, after)).toEqual([]);
  });

  test("asks again for one's own session only when it is one's own lead", () => {
    const asks = (event: ServerEvent): boolean =>
      apply(event, viewer).some((change) => change.do === "refetch" && change.key === keys.queue.state);
    expect(asks(released)).toBe(false);
    expect(asks({ ...released, user_id: "me" })).toBe(true);
  });
});

describe("a correction", () => {
  const correction = { by: "Ada", at: "2026-05-20T10:02:00Z", original_text: "words 1" };

  test("takes the place of the line, with its number, and an older state never comes back", () => {
    let transcript = settled(settled(emptyTranscript, segment(1, 0)), segment(2, 3000));
    const corrected = { ...segment(1, 0), sequence: 3, text: "right words", correction };
    transcript = settled(transcript, corrected);
    expect(transcript.segments.map((each) => each.text)).toEqual(["right words", "words 2"]);
    expect(transcript.known).toBe(3);
    transcript = caughtUp(transcript, [segment(1, 0)], 3);
    expect(transcript.segments[0]).toBe(corrected);
  });

  test("that was missed is fetched, and leaves what was there in its place", () => {
    const held = settled(settled(emptyTranscript, segment(1, 0)), segment(2, 3000));
    const transcript = caughtUp(
      held,
      [{ ...segment(1, 0), sequence: 3, text: "right words", correction }],
      3,
    );
    expect(transcript.segments.map((each) => each.text)).toEqual(["right words", "words 2"]);
  });
});

describe("what the recognisers leave out", () => {
  test("is held until they say that it is over, or the call ends", () => {
    const level = { type: "transcription.level", call_id: "c1", level: 3 } as const;
    const late = valueAfter(apply(level, viewer), keys.calls.transcript("c1"), emptyTranscript) as Transcript;
    expect(late.shortage).toEqual({ level: 3, at: viewer.now });
    expect(settled(late, segment(1, 0)).shortage).not.toBeNull();
    const over = apply({ ...level, level: 0 }, viewer);
    expect(valueAfter(over, keys.calls.transcript("c1"), late)).toMatchObject({ shortage: null });
    const refused = apply({ type: "call.changed", call: call(9, { transcript_state: "refused" }) }, viewer);
    expect(valueAfter(refused, keys.calls.transcript("c1"), late)).toMatchObject({ refused: true });
    const ended = apply({ type: "call.changed", call: call(9, { status: "completed" }) }, viewer);
    expect(valueAfter(ended, keys.calls.transcript("c1"), late)).toMatchObject({ shortage: null });
  });
});

describe("an event", () => {
  test("that is older than what is held changes nothing", () => {
    const held = { ...call(7), speech: [] };
    const changes = apply({ type: "call.changed", call: call(6, { status: "callee_ringing" }) }, viewer);
    expect(valueAfter(changes, keys.calls.one("c1"), held)).toEqual(held);
  });

  test("changes nothing that nobody has asked for", () => {
    const changes = apply({ type: "call.changed", call: call(6) }, viewer);
    expect(valueAfter(changes, keys.calls.one("c1"), undefined)).toBeUndefined();
  });

  test("makes a live call of mine the current one, and its end clears it and asks for the receipt", () => {
    const started = apply({ type: "call.changed", call: call(2) }, viewer);
    expect(valueAfter(started, keys.calls.current, null)).toMatchObject({ id: "c1" });
    const ended = apply({ type: "call.changed", call: call(9, { status: "completed" }) }, viewer);
    expect(valueAfter(ended, keys.calls.current, call(8))).toBeNull();
    expect(refetched(ended, keys.calls.receipt("c1"))).toBe(true);
  });

  test("about a colleague's call leaves my current one alone", () => {
    const theirs = call(2, { id: "c2", user: { id: "you", name: "Other" } });
    const changes = apply({ type: "call.changed", call: theirs }, viewer);
    expect(valueAfter(changes, keys.calls.current, call(8))).toMatchObject({ id: "c1" });
  });

  test("with a segment adds its words and its stretch of the talk strip, once", () => {
    const event: ServerEvent = { type: "segment.added", call_id: "c1", sequence: 1, segment: segment(1, 0) };
    const changes = apply(event, viewer);
    expect(valueAfter(changes, keys.calls.transcript("c1"), emptyTranscript)).toMatchObject({ known: 1 });
    const once = valueAfter(changes, keys.calls.one("c1"), { ...call(0), speech: [] });
    expect(once).toMatchObject({ speech: [{ speaker: "agent", start_ms: 0, end_ms: 900 }] });
    expect(valueAfter(changes, keys.calls.one("c1"), once)).toEqual(once);
  });

  test("with a whole turn takes the stretches of its parts out of the talk strip", () => {
    const whole = { ...segment(4, 0), end_ms: 3900, replaces: ["s1", "s2"] };
    const changes = apply({ type: "segment.added", call_id: "c1", sequence: 4, segment: whole }, viewer);
    const theirs = { speaker: "callee", start_ms: 1500, end_ms: 2400 };
    const mine = [0, 3000].map((start_ms) => ({ speaker: "agent", start_ms, end_ms: start_ms + 900 }));
    expect(
      valueAfter(changes, keys.calls.one("c1"), { ...call(0), speech: [...mine, theirs] }),
    ).toMatchObject({
      speech: [theirs, { speaker: "agent", start_ms: 0, end_ms: 3900 }],
    });
  });

  test("with the balance takes the newest and works out the minutes", () => {
    const held = {
      available_mcredits: 0,
      held_mcredits: 0,
      debt_mcredits: 0,
      minutes_left: 0,
      sequence: 3,
      rate: { mcredits_per_minute: 1000 },
    } as Balance;
    const event = {
      type: "balance.changed",
      available_mcredits: 5400,
      held_mcredits: 0,
      debt_mcredits: 0,
    } as const;
    expect(valueAfter(apply({ ...event, sequence: 4 }, viewer), keys.credits.balance, held)).toMatchObject({
      available_mcredits: 5400,
      minutes_left: 5,
    });
    expect(valueAfter(apply({ ...event, sequence: 2 }, viewer), keys.credits.balance, held)).toEqual(held);
  });

  test("with the balance moves the end of today and no other day", () => {
    const days = [
      { day: "2026-05-19", balance_mcredits: 9000 },
      { day: "2026-05-20", balance_mcredits: 8000 },
    ];
    const event = {
      type: "balance.changed",
      available_mcredits: 5000,
      held_mcredits: 2000,
      debt_mcredits: 500,
      sequence: 4,
    } as const;
    const change = apply(event, viewer).find(
      (each) => each.do === "update-all" && each.key === keys.credits.burnDowns,
    );
    expect(change?.do === "update-all" && change.with({ days })).toEqual({
      days: [days[0], { day: "2026-05-20", balance_mcredits: 6500 }],
    });
    const yesterday = { days: days.slice(0, 1) };
    expect(change?.do === "update-all" && change.with(yesterday)).toEqual(yesterday);
  });

  test("of a low balance says since when", () => {
    const event = {
      type: "balance.low",
      threshold_mcredits: 5000,
      balance_mcredits: 4999,
      at: "2026-03-31T20:30:00Z",
    } as const;
    const held = { available_mcredits: 4999, alert: { threshold_mcredits: 5000, raised_at: null } };
    expect(valueAfter(apply(event, viewer), keys.credits.balance, held)).toMatchObject({
      alert: { threshold_mcredits: 5000, raised_at: "2026-03-31T20:30:00Z" },
    });
  });

  test("of a warning sets the seconds left of the running call, whatever hour the page's clock shows", () => {
    const warning = { type: "call.warning", call_id: "c1", seconds_left: 15, duration_s: 50 } as const;
    for (const now of ["2026-05-20T09:01:00Z", viewer.now, "2026-05-20T11:01:00Z"]) {
      const changes = apply(warning, { ...viewer, now });
      const after = { seconds_left: 15, duration_s: 50, as_of: now };
      expect(valueAfter(changes, keys.calls.current, call(8))).toMatchObject(after);
      expect(valueAfter(changes, keys.calls.current, null)).toBeNull();
    }
  });

  test("of a kind that this page does not know is passed over", () => {
    expect(apply({ type: "weather.changed" } as unknown as ServerEvent, viewer)).toEqual([]);
  });
});
