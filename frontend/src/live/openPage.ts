/** An open page for tests: what it holds of credits, a clock that is moved by hand, and a server that counts its questions. */

import { InfiniteQueryObserver, type QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, vi } from "vitest";
import type { Balance, BurnDown, DialCheck } from "../api/types";

vi.hoisted(() => {
  vi.stubGlobal("window", { location: { origin: "http://here" } });
});

import { balanceQuery, burnDownQuery, purchasesQuery, statementQuery } from "../api/creditQueries";
import { FreshQueryClient } from "../api/freshQueryClient";
import { keys, type StatementFilters } from "../api/keys";
import { dialCheckQuery } from "../api/queries";
import { Pacer } from "./pace";
import { receive } from "./receive";

const PRICE = 1_000;
const NOON = new Date(2026, 4, 20, 12, 0, 0);

const browser = globalThis as unknown as { setImmediate: (next: () => void) => void };

/** What the server has, and every question that it got. */
export const server = {
  available: 0,
  held: 0,
  sequence: 0,
  refuses: [] as string[],
  asked: [] as string[],
  hold: null as Promise<void> | null,
};
export const client = { of: null as unknown as QueryClient, leave: [] as (() => void)[] };

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"],
    now: NOON,
  });
  vi.stubGlobal("fetch", answered);
  server.available = 1_000_000;
  server.held = 0;
  server.sequence = 1;
  server.refuses = [];
  server.asked = [];
  server.hold = null;
  client.of = new FreshQueryClient({ defaultOptions: { queries: { staleTime: 15_000, retry: false } } });
  client.of.setQueryData(keys.credits.balance, balance());
});

afterEach(() => {
  goesElsewhere();
  client.of.clear();
  vi.useRealTimers();
});

/** The server reads at once; the answer may be on its way for a while. */
async function answered(request: Request): Promise<Response> {
  const what = new URL(request.url).pathname.split("/").at(-1) ?? "";
  server.asked.push(what);
  const body = said(what);
  await server.hold;
  return Response.json(body);
}

function said(what: string): unknown {
  const { available, sequence, refuses } = server;
  if (what === "credits") return balance();
  if (what === "dial-check") {
    const refusals = refuses.map((code) => ({ code, message: "Not now." }));
    const check = dialCheck(available, 240);
    return { ...check, refusals: [...check.refusals, ...refusals] };
  }
  if (what !== "burn-down") return { items: [{ id: `entry-${sequence}` }], next_cursor: null };
  const now = new Date();
  const day = `${now.getFullYear()}-0${now.getMonth() + 1}-${now.getDate()}`;
  return { days: [{ day, balance_mcredits: available, spent_mcredits: 0, bought_mcredits: 0 }] };
}

function balance(): Balance {
  const { available: available_mcredits, held: held_mcredits, sequence } = server;
  const rate = { mcredits_per_minute: PRICE };
  return { available_mcredits, held_mcredits, debt_mcredits: 0, sequence, rate } as Balance;
}

/** minutes: as long as a call may be, whatever there is. */
export function dialCheck(available: number, minutes: number): DialCheck {
  const longest_call_s = Math.min(minutes, Math.floor(available / PRICE)) * 60;
  const refusals = longest_call_s > 0 ? [] : [{ code: "insufficient_credit", message: "Buy a pack first." }];
  return {
    available_mcredits: available,
    price_mcredits_per_minute: PRICE,
    longest_call_s,
    refusals,
    cap_left_mcredits: null,
    workspace_left_mcredits: null,
  } as unknown as DialCheck;
}

export async function pass(ms: number): Promise<void> {
  for (const end = Date.now() + ms; Date.now() < end; ) {
    await vi.advanceTimersByTimeAsync(Math.min(500, end - Date.now()));
    await settle();
  }
}

/** What the browser reads of an answer, it reads in turns of its own. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise<void>(browser.setImmediate);
}

/** Opens what asks, and has its answer. */
export async function shows(observer: { subscribe(listener: () => void): () => void }): Promise<void> {
  client.leave.push(observer.subscribe(() => undefined));
  await settle();
}

export const ofLead = (id: string) => new QueryObserver(client.of, dialCheckQuery(id));
export const line = () => new QueryObserver(client.of, burnDownQuery(7));
export const inCredits = () => new QueryObserver(client.of, balanceQuery);
export const statement = (filters: StatementFilters) =>
  new InfiniteQueryObserver(client.of, statementQuery(filters));

/** An open page with all that tells of credits, which has been asked for. jitter: as its Pacer's. */
export async function page(jitter = 0): Promise<Pacer> {
  await shows(ofLead("l1"));
  await shows(line());
  await shows(statement({}));
  await shows(new InfiniteQueryObserver(client.of, purchasesQuery));
  expect(server.asked.splice(0)).toEqual(["dial-check", "burn-down", "statement", "purchases"]);
  return new Pacer(client.of, jitter);
}

/** held: what is set aside for calls. */
export function booked(pacer: Pacer, available: number, held = 0): void {
  server.available = available;
  server.held = held;
  server.sequence += 1;
  const { available_mcredits, held_mcredits, debt_mcredits, sequence } = balance();
  const event = { available_mcredits, held_mcredits, debt_mcredits, sequence };
  receive(client.of, pacer, { type: "balance.changed", ...event }, "me");
}

/** Leaves the page for one that shows none of it. */
export function goesElsewhere(): void {
  for (const leave of client.leave.splice(0)) leave();
}

export const times = (what: string): number => server.asked.filter((each) => each === what).length;
export const check = () => client.of.getQueryData<DialCheck>(keys.leads.dialCheck("l1"));
export const lineEnds = () =>
  client.of.getQueryData<BurnDown>(keys.credits.burnDown(7))?.days.at(-1)?.balance_mcredits;
export const newestEntry = () =>
  client.of.getQueryData<{ pages: { items: { id: string }[] }[] }>(keys.credits.statement({}))?.pages[0]
    ?.items[0]?.id;
