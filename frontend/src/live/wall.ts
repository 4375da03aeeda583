import type { Call, Wall, WallCall, WallLine } from "../api/types";
import { isLive } from "../calls/status";

/** All live calls of the team as this browser knows them.
 *
 * ended: calls of which the end was told. News may come late, and one that is over never comes back.
 */
export interface WallState {
  items: readonly WallCall[];
  total: number;
  ended: readonly string[];
}

const SHOWN_MAX = 200;
const ENDED_KEPT_MAX = 500;

/** What the server told joins what events told meanwhile. */
export function joined(held: WallState | undefined, fetched: Wall): WallState {
  if (held === undefined) return { items: fetched.items, total: fetched.total, ended: [] };
  const ended = new Set(held.ended);
  const known = new Map(held.items.map((item) => [item.id, item]));
  const fresh = new Set(fetched.items.map((item) => item.id));
  const items = fetched.items
    .filter((item) => !ended.has(item.id))
    .map((item) => newer(known.get(item.id), item));
  const begunSince = held.items.filter((item) => !fresh.has(item.id) && item.created_at > fetched.as_of);
  const total = fetched.total - (fetched.items.length - items.length) + begunSince.length;
  return { items: [...items, ...begunSince], total, ended: held.ended };
}

function newer(held: WallCall | undefined, fetched: WallCall): WallCall {
  if (held === undefined) return fetched;
  return {
    ...(held.sequence > fetched.sequence ? { ...held, watchers: fetched.watchers } : fetched),
    agent_line: later(held.agent_line, fetched.agent_line, fetched.sequence),
    callee_line: later(held.callee_line, fetched.callee_line, fetched.sequence),
  };
}

/** A turn that was heard again as a whole ends where its last part ended, and has the higher number. */
function later(held: WallLine | null, other: WallLine | null, asOf: number): WallLine | null {
  // What the server knew of and shows no more is not to be read any more.
  if (other === null) return held !== null && held.sequence > asOf ? held : null;
  if (held === null) return other;
  if (held.end_ms !== other.end_ms) return held.end_ms > other.end_ms ? held : other;
  return held.sequence > other.sequence ? held : other;
}

export function withCall(held: WallState, call: Call): WallState {
  const item = held.items.find((each) => each.id === call.id);
  if (!isLive(call.status)) {
    if (item === undefined) return held;
    return {
      items: held.items.filter((each) => each !== item),
      total: held.total - 1,
      ended: [...held.ended, call.id].slice(-ENDED_KEPT_MAX),
    };
  }
  if (item === undefined) {
    if (held.ended.includes(call.id) || held.items.length >= SHOWN_MAX) return held;
    const added = { ...shared(call), agent_line: null, callee_line: null, watchers: [] };
    return { ...held, items: [...held.items, added], total: held.total + 1 };
  }
  if (call.sequence < item.sequence) return held;
  return changed(held, call.id, (each) => ({ ...each, ...shared(call) }));
}

export function withLine(
  held: WallState,
  callId: string,
  speaker: "agent" | "callee",
  line: WallLine,
): WallState {
  const side = speaker === "agent" ? "agent_line" : "callee_line";
  return changed(held, callId, (item) => ({ ...item, [side]: later(item[side], line, line.sequence) }));
}

export function withWatchers(held: WallState, callId: string, watchers: WallCall["watchers"]): WallState {
  return changed(held, callId, (item) => ({ ...item, watchers }));
}

function changed(held: WallState, callId: string, change: (item: WallCall) => WallCall): WallState {
  if (!held.items.some((item) => item.id === callId)) return held;
  return { ...held, items: held.items.map((item) => (item.id === callId ? change(item) : item)) };
}

/** What a call's own news and its place on the wall have in common. */
function shared(call: Call): Omit<WallCall, "agent_line" | "callee_line" | "watchers"> {
  return {
    id: call.id,
    lead: { id: call.lead.id, name: call.lead.name },
    user: call.user,
    status: call.status,
    transcript_state: call.transcript_state,
    created_at: call.created_at,
    answered_at: call.answered_at,
    duration_s: call.duration_s,
    charged_mcredits: call.charged_mcredits,
    seconds_left: call.seconds_left,
    ended_by: call.ended_by,
    sequence: call.sequence,
    as_of: call.as_of,
  };
}
