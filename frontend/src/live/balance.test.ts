/** What bookings make the page ask, and what it shows meanwhile.
 *
 * Planted bugs that this catches: everything asked again with every event; the last change forgotten within a pause; a longest call
 * that can no longer be paid noticed half a minute late; an answer that was on its way shown after a newer event; a day that is over
 * drawn on; a statement of last year asked again; all pages asking in the same moment. */

import { InfiniteQueryObserver, type QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Balance, BurnDown, DialCheck } from "../api/types";

vi.hoisted(() => {
  vi.stubGlobal("window", { location: { origin: "http://here" } });
});

import { burnDownQuery, purchasesQuery, statementQuery } from "../api/creditQueries";
import { FreshQueryClient } from "../api/freshQueryClient";
import { keys, type StatementFilters } from "../api/keys";
import { dialCheckQuery } from "../api/queries";
import { mayTurn } from "./balance";
import { Pacer } from "./pace";
import { receive } from "./receive";

const PRICE = 1_000;
const NOON = new Date(2026, 4, 20, 12, 0, 0);

const browser = globalThis as unknown as { setImmediate: (next: () => void) => void };

/** What the server has, and every question that it got. */
const server = { available: 0, sequence: 0, asked: [] as string[], hold: null as Promise<void> | null };
const client = { of: null as unknown as QueryClient, leave: [] as (() => void)[] };

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"],
    now: NOON,
  });
  vi.stubGlobal("fetch", answered);
  Object.assign(server, { available: 1_000_000, sequence: 1, asked: [], hold: null });
  client.of = new FreshQueryClient({ defaultOptions: { queries: { staleTime: 15_000, retry: false } } });
  client.of.setQueryData(keys.credits.balance, {
    available_mcredits: server.available,
    held_mcredits: 0,
    debt_mcredits: 0,
    sequence: server.sequence,
    rate: { mcredits_per_minute: PRICE },
  } as Balance);
});

afterEach(() => {
  for (const leave of client.leave.splice(0)) leave();
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
  const { available, sequence } = server;
  if (what === "dial-check") return dialCheck(available, 240);
  if (what !== "burn-down") return { items: [{ id: `entry-${sequence}` }], next_cursor: null };
  const now = new Date();
  const day = `${now.getFullYear()}-0${now.getMonth() + 1}-${now.getDate()}`;
  return { days: [{ day, balance_mcredits: available, spent_mcredits: 0, bought_mcredits: 0 }] };
}

/** minutes: as long as a call may be, whatever there is. */
function dialCheck(available: number, minutes: number): DialCheck {
  const longest_call_s = Math.min(minutes, Math.floor(available / PRICE)) * 60;
  const refusals = longest_call_s > 0 ? [] : [{ code: "insufficient_credit", message: "Buy a pack first." }];
  return {
    available_mcredits: available,
    price_mcredits_per_minute: PRICE,
    longest_call_s,
    refusals,
  } as unknown as DialCheck;
}

async function pass(ms: number): Promise<void> {
  for (const end = Date.now() + ms; Date.now() < end; ) {
    await vi.advanceTimersByTimeAsync(Math.min(500, end - Date.now()));
    await settle();
  }
}

/** What the browser reads of an answer, it reads in turns of its own. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise<void>(browser.setImmediate);
}

/** Opens what asks, and has its answer. */
async function shows(observer: { subscribe(listener: () => void): () => void }): Promise<void> {
  client.leave.push(observer.subscribe(() => undefined));
  await settle();
}

const statement = (filters: StatementFilters) =>
  new InfiniteQueryObserver(client.of, statementQuery(filters));

/** An open page with all that tells of credits, which has been asked for. jitter: as its Pacer's. */
async function page(jitter = 0): Promise<Pacer> {
  await shows(new QueryObserver(client.of, dialCheckQuery("l1")));
  await shows(new QueryObserver(client.of, burnDownQuery(7)));
  await shows(statement({}));
  await shows(new InfiniteQueryObserver(client.of, purchasesQuery));
  expect(server.asked.splice(0)).toEqual(["dial-check", "burn-down", "statement", "purchases"]);
  return new Pacer(client.of, jitter);
}

function booked(pacer: Pacer, available: number): void {
  server.available = available;
  server.sequence += 1;
  const { sequence } = server;
  receive(
    client.of,
    pacer,
    { type: "balance.changed", available_mcredits: available, held_mcredits: 0, debt_mcredits: 0, sequence },
    "me",
  );
}

const times = (what: string): number => server.asked.filter((each) => each === what).length;
const check = () => client.of.getQueryData<DialCheck>(keys.leads.dialCheck("l1"));
const lineEnds = () =>
  client.of.getQueryData<BurnDown>(keys.credits.burnDown(7))?.days.at(-1)?.balance_mcredits;
const newestEntry = () =>
  client.of.getQueryData<{ pages: { items: { id: string }[] }[] }>(keys.credits.statement({}))?.pages[0]
    ?.items[0]?.id;

test("a booking a second is shown at once and asked for at the pace of each question, the last one too", async () => {
  const pacer = await page();
  for (let second = 1; second <= 59; second += 1) {
    booked(pacer, 1_000_000 - 1_000 * second);
    expect([lineEnds(), check()?.available_mcredits]).toEqual([server.available, server.available]);
    await pass(1_000);
  }
  expect(times("statement")).toBeGreaterThanOrEqual(25);
  expect(times("statement")).toBeLessThanOrEqual(31);
  expect([times("dial-check"), times("burn-down"), times("purchases")]).toEqual([1, 1, 0]);
  await pass(2_000);
  expect(newestEntry()).toBe(`entry-${server.sequence}`);
  await pass(29_000);
  expect([times("dial-check"), times("burn-down")]).toEqual([2, 2]);
});

test("a first booking after a while is in the statement at once", async () => {
  const pacer = await page();
  booked(pacer, 999_000);
  await pass(1);
  expect(newestEntry()).toBe("entry-2");
});

test("the dial-check is asked again at once where the longest call cannot be paid any more, and where credits come", async () => {
  const pacer = await page();
  for (const [available, asked] of [
    [300_000, 0],
    [239_000, 1],
    [0, 2],
    [5_000, 3],
    [900_000, 4],
    [899_000, 4],
  ] as const) {
    booked(pacer, available);
    await pass(2_500);
    expect([available, times("dial-check")]).toEqual([available, asked]);
  }
  expect(check()?.longest_call_s).toBe(240 * 60);
});

test.each([
  ["more than enough before and after", dialCheck(900_000, 240), 800_000, false],
  ["just enough for the longest call", dialCheck(900_000, 240), 240_000, false],
  ["less than the longest call costs", dialCheck(900_000, 240), 239_999, true],
  ["more, where the credits are the bound", dialCheck(90_000, 240), 91_000, true],
  ["more, where the month's bound is lower", dialCheck(90_000, 30), 95_000, false],
  ["still nothing", dialCheck(0, 240), 0, false],
  ["a purchase after nothing", dialCheck(0, 240), 100_000, true],
])("whether a dial-check may turn: %s", (_, held, available, turns) => {
  expect(mayTurn(held, available)).toBe(turns);
});

test("an answer that was on its way is shown no older than what an event told meanwhile", async () => {
  const pacer = await page();
  let arrive = () => {};
  server.hold = new Promise((done) => {
    arrive = done;
  });
  void client.of.invalidateQueries({ queryKey: keys.leads.dialChecks });
  void client.of.invalidateQueries({ queryKey: keys.credits.burnDowns });
  await settle();
  booked(pacer, 700_000);
  server.hold = null;
  arrive();
  await settle();
  expect([lineEnds(), check()?.available_mcredits]).toEqual([700_000, 700_000]);
  // Whether it may call, the answer knew of then.
  server.asked = [];
  await pass(2_000);
  expect(times("dial-check")).toBe(1);
});

test("a slow server's answers are let in, and asked for once more after the last booking", async () => {
  const pacer = await page();
  server.hold = new Promise((done) => {
    setTimeout(done, 7_000);
  });
  for (let second = 0; second < 7; second += 1) {
    booked(pacer, 999_000 - second);
    await pass(1_000);
  }
  expect(times("statement")).toBe(2);
  server.hold = null;
  await pass(2_000);
  expect(newestEntry()).toBe(`entry-${server.sequence}`);
});

test("an older booking that comes late changes nothing that is shown", async () => {
  const pacer = await page();
  booked(pacer, 800_000);
  receive(
    client.of,
    pacer,
    { type: "balance.changed", available_mcredits: 900_000, held_mcredits: 0, debt_mcredits: 0, sequence: 1 },
    "me",
  );
  expect([lineEnds(), check()?.available_mcredits]).toEqual([800_000, 800_000]);
});

test("a day that is over stays as it ended, and the new one is asked for", async () => {
  vi.setSystemTime(new Date(2026, 4, 20, 23, 59, 50));
  const pacer = await page();
  booked(pacer, 900_000);
  await pass(1);
  server.asked = [];
  vi.setSystemTime(new Date(2026, 4, 21, 0, 0, 5));
  booked(pacer, 800_000);
  expect(lineEnds()).toBe(900_000);
  await pass(1);
  expect(times("burn-down")).toBe(1);
  expect(lineEnds()).toBe(800_000);
});

test("a statement of days that are over is not asked again", async () => {
  const pacer = new Pacer(client.of, 0);
  await shows(statement({ until: new Date(2026, 4, 20, 10).toISOString() }));
  await shows(statement({ until: new Date(2026, 4, 20, 11, 30).toISOString() }));
  server.asked = [];
  booked(pacer, 900_000);
  await pass(5_000);
  expect(times("statement")).toBe(1);
});

test("what is not shown is asked for when it is shown again", async () => {
  const pacer = await page();
  for (const leave of client.leave.splice(0)) leave();
  booked(pacer, 900_000);
  await pass(5_000);
  expect(server.asked).toEqual([]);
  await shows(statement({}));
  expect(newestEntry()).toBe("entry-2");
});

test("two pages do not go on asking in the same moments", async () => {
  const pacer = await page(0.9);
  booked(pacer, 999_000);
  await pass(1);
  booked(pacer, 998_000);
  await pass(2_500);
  expect(times("statement")).toBe(1);
  await pass(500);
  expect(times("statement")).toBe(2);
});

test("a page that leaves the line asks for nothing more", async () => {
  const pacer = await page();
  booked(pacer, 999_000);
  pacer.stop();
  await pass(45_000);
  expect(server.asked).toEqual([]);
});

test("a change of a purchase is asked for at once", async () => {
  const pacer = await page();
  receive(client.of, pacer, { type: "checkout.changed", checkout_id: "c1", state: "granted" }, "me");
  await settle();
  expect(times("purchases")).toBe(1);
});
