/** What bookings make the page ask, and what it shows meanwhile.
 *
 * Planted bugs that this catches: everything asked again with every event; the last change forgotten within a pause; a longest call
 * that can no longer be paid noticed half a minute late; an answer that was on its way shown after a newer event; a day that is over
 * drawn on; a statement of last year asked again; all pages asking in the same moment; what is out of date taken for new because an event
 * changed a part of it; a wait for the end of a colleague's call that each event begins anew; a call that begins noticed half a minute
 * late. */

import { expect, test, vi } from "vitest";
import { keys } from "../api/keys";
import type { Call } from "../api/types";
import { mayTurn } from "./balance";
import {
  booked,
  check,
  client,
  dialCheck,
  goesElsewhere,
  inCredits,
  line,
  lineEnds,
  newestEntry,
  ofLead,
  page,
  pass,
  server,
  settle,
  shows,
  statement,
  times,
} from "./openPage";
import { Pacer } from "./pace";
import { receive } from "./receive";

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
  ["more, where a call may not last as long anyhow", dialCheck(90_000, 30), 95_000, false],
  ["still nothing", dialCheck(0, 240), 0, false],
  ["a purchase after nothing", dialCheck(0, 240), 100_000, true],
  [
    "less, where the member has a cap",
    { ...dialCheck(900_000, 240), cap_left_mcredits: 500_000 },
    899_000,
    true,
  ],
  ["less, where the team has one", { ...dialCheck(900_000, 240), workspace_left_mcredits: 0 }, 899_000, true],
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
  goesElsewhere();
  booked(pacer, 900_000);
  await pass(5_000);
  expect(server.asked).toEqual([]);
  await shows(statement({}));
  expect(newestEntry()).toBe("entry-2");
  await shows(ofLead("l1"));
  await shows(line());
  expect([times("dial-check"), times("burn-down")]).toEqual([1, 1]);
});

test("what had to be asked for again still has to be after later bookings", async () => {
  const pacer = await page();
  goesElsewhere();
  for (const key of [keys.leads.dialChecks, keys.credits.burnDowns, keys.credits.balance]) {
    void client.of.invalidateQueries({ queryKey: key });
  }
  booked(pacer, 900_000);
  expect([lineEnds(), check()?.available_mcredits]).toEqual([900_000, 900_000]);
  for (const each of [ofLead("l1"), line(), inCredits()]) await shows(each);
  expect(server.asked).toEqual(["dial-check", "burn-down", "credits"]);
});

test("a balance whose parts events told for a while is asked for as a whole when it is shown again", async () => {
  const pacer = await page();
  goesElsewhere();
  for (let second = 1; second <= 16; second += 1) {
    booked(pacer, 1_000_000 - second);
    await pass(1_000);
  }
  await shows(inCredits());
  expect(times("credits")).toBe(1);
});

test("a wait until a colleague's call ends is asked after every few seconds, however often credits are booked", async () => {
  server.refuses = ["live_calls_reached"];
  const pacer = await page();
  for (let second = 1; second <= 21; second += 1) {
    booked(pacer, 1_000_000 - second);
    await pass(1_000);
  }
  expect(times("dial-check")).toBe(4);
  server.refuses = [];
  await pass(5_000);
  expect(check()?.refusals).toEqual([]);
});

test("a colleague's call is noticed by what is set aside for it, and more of them every few seconds", async () => {
  const pacer = await page();
  server.refuses = ["lead_in_call"];
  booked(pacer, 995_000, 5_000);
  await pass(1);
  expect(check()?.refusals.map(({ code }) => code)).toEqual(["lead_in_call"]);
  for (let call = 1; call <= 9; call += 1) {
    booked(pacer, 995_000 - 5_000 * call, 5_000 + 5_000 * call);
    await pass(1_000);
  }
  expect(times("dial-check")).toBe(2);
  await pass(1_001);
  expect(times("dial-check")).toBe(3);
});

test("a call that begins is asked about at once for its lead, and soon for the others that are shown", async () => {
  const pacer = await page();
  await shows(ofLead("l2"));
  server.asked = [];
  const begins = (lead: string) => {
    const call = {
      id: `of-${lead}`,
      status: "intended",
      lead: { id: lead },
      user: { id: "other" },
      sequence: 1,
    };
    receive(client.of, pacer, { type: "call.changed", call: call as Call }, "me");
  };
  begins("l1");
  await settle();
  expect(times("dial-check")).toBe(1);
  await pass(1);
  expect(times("dial-check")).toBe(2);
  for (const lead of ["l3", "l4", "l5"]) begins(lead);
  await pass(2_500);
  expect(times("dial-check")).toBe(4);
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
