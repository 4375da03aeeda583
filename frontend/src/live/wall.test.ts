import { describe, expect, test } from "vitest";
import { keys } from "../api/keys";
import type { Call, ServerEvent, Wall, WallCall, WallLine } from "../api/types";
import { apply } from "./apply";
import { joined, type WallState, withCall, withLine } from "./wall";

const AT = "2026-05-20T10:00:00Z";

function call(id: string, sequence: number, changes: Partial<Call> = {}): Call {
  return {
    id,
    lead: { id: "l1", name: "Ada", phone_e164: "+447700900123" },
    user: { id: "u1", name: "Rep" },
    way: "phone",
    status: "in_progress",
    transcript_state: "on",
    created_at: AT,
    answered_at: AT,
    ended_at: null,
    duration_s: 5,
    charged_mcredits: 1000,
    seconds_left: 600,
    limit_s: null,
    sequence,
    end_reason: null,
    ended_by: null,
    voicemail: false,
    outcome: null,
    disposition: null,
    notes: "",
    as_of: AT,
    ...changes,
  };
}

function item(id: string, sequence: number, changes: Partial<WallCall> = {}): WallCall {
  const {
    limit_s: _,
    ended_at: _2,
    end_reason: _3,
    disposition: _4,
    notes: _5,
    ...shared
  } = call(id, sequence);
  return {
    ...shared,
    lead: { id: "l1", name: "Ada" },
    agent_line: null,
    callee_line: null,
    watchers: [],
    ...changes,
  };
}

test("a line that the server withholds now is not shown any more, and one that came meanwhile is", () => {
  const held = (sequence: number): WallState => ({
    items: [item("c1", 5, { callee_line: line(sequence, 900) })],
    total: 1,
    ended: [],
  });
  const fetched: Wall = { items: [item("c1", 7)], total: 1, as_of: AT };
  expect(joined(held(6), fetched).items[0]?.callee_line).toBeNull();
  expect(joined(held(8), fetched).items[0]?.callee_line?.sequence).toBe(8);
});

const line = (sequence: number, end_ms: number): WallLine => ({
  segment_id: `s${sequence}`,
  sequence,
  end_ms,
  text: `words ${sequence}`,
});

const fetched = (items: WallCall[], as_of = AT): Wall => ({ items, total: items.length, as_of });
const empty: WallState = { items: [], total: 0, ended: [] };

describe("the wall", () => {
  test("takes up a call that begins and lets go of one that ends", () => {
    const begun = withCall(withCall(empty, call("c1", 1, { status: "intended" })), call("c2", 1));
    expect(begun.items.map((each) => each.id)).toEqual(["c1", "c2"]);
    const over = withCall(begun, call("c1", 4, { status: "completed" }));
    expect(over).toMatchObject({ total: 1, ended: ["c1"] });
    expect(over.items.map((each) => each.id)).toEqual(["c2"]);
  });

  test("is not brought back by news that come late, nor by an answer that was on its way", () => {
    const held = withCall(withCall(empty, call("c1", 5)), call("c1", 6, { status: "completed" }));
    expect(withCall(held, call("c1", 5)).items).toEqual([]);
    expect(joined(held, fetched([item("c1", 5)]))).toMatchObject({ items: [], total: 0 });
  });

  test("keeps what is newer, whichever way it came", () => {
    const held = withCall(empty, call("c1", 8, { charged_mcredits: 3000 }));
    expect(withCall(held, call("c1", 7, { charged_mcredits: 2000 })).items[0]?.charged_mcredits).toBe(3000);
    expect(joined(held, fetched([item("c1", 7)])).items[0]?.charged_mcredits).toBe(3000);
    expect(joined(held, fetched([item("c1", 9)])).items[0]?.charged_mcredits).toBe(1000);
  });

  test("forgets what the tables do not know any more, but not what has begun since they were asked", () => {
    const held = withCall(
      withCall(empty, call("old", 1)),
      call("new", 1, { created_at: "2026-05-20T10:00:02Z" }),
    );
    const next = joined(held, fetched([], "2026-05-20T10:00:01Z"));
    expect(next.items.map((each) => each.id)).toEqual(["new"]);
    expect(next.total).toBe(1);
  });

  test("shows the last words of each side, and a turn that was heard again in the place of its parts", () => {
    const held = [line(2, 3900), line(1, 900)].reduce(
      (state, one) => withLine(state, "c1", "callee", one),
      withCall(empty, call("c1", 1)),
    );
    expect(held.items[0]?.callee_line?.text).toBe("words 2");
    expect(withLine(held, "c1", "callee", line(4, 3900)).items[0]?.callee_line?.text).toBe("words 4");
    expect(held.items[0]?.agent_line).toBeNull();
    const asked = joined(held, fetched([item("c1", 1)]));
    expect(asked.items[0]?.callee_line?.text).toBe("words 2");
  });

  test("hears what is said as far as it shows it", () => {
    const event: ServerEvent = { type: "wall.line", call_id: "c1", speaker: "agent", line: line(3, 900) };
    const [change] = apply(event, { userId: "me", now: AT });
    expect(change?.key).toEqual(keys.calls.wall);
    const held = withCall(empty, call("c1", 1));
    expect(change?.do === "update" && change.with(held)).toMatchObject({
      items: [{ agent_line: { text: "words 3" } }],
    });
  });

  test("hears who reads along", () => {
    const event: ServerEvent = {
      type: "watchers.changed",
      call_id: "c1",
      watchers: [{ id: "m", name: "Maria" }],
    };
    const changes = apply(event, { userId: "me", now: AT });
    const change = changes.find((each) => each.key === keys.calls.wall);
    const held = withCall(empty, call("c1", 1));
    expect(change?.do === "update" && change.with(held)).toMatchObject({
      items: [{ watchers: [{ name: "Maria" }] }],
    });
  });
});
