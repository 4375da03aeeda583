import { keys, type StatementFilters } from "../api/keys";
import type { Balance, BalanceChanged, BurnDown, DialCheck } from "../api/types";
import { localDay } from "../format/time";
import { type Change, type Held, update, updateAll, type Viewer } from "./change";
import { BY_THE_MINUTE, NOW_AND_THEN, type Pace, SOON, WHEN_CALLS_BEGIN, WHILE_WAITING } from "./pace";

// ledger/statement.py: an entry is booked at most so long after the time that it bears.
const BOOKED_LATE_MS = 3_600_000;

/** What a booking means for the page. While a team calls there is one every second, for every page: what can be worked out here
 * is, and the server is asked for the rest at a pace. Purchases have an event of their own. */
export function balanceChanged(event: BalanceChanged, viewer: Viewer): Change[] {
  const paced: Change[] = [
    { do: "refetch-paced", key: keys.leads.dialChecks, pace: (held) => ofDialCheck(held, event, viewer) },
    { do: "refetch-paced", key: keys.credits.burnDowns, pace: (held) => ofBurnDown(held, viewer.now) },
    { do: "refetch-paced", key: keys.credits.statements, pace: (held) => ofStatement(held, viewer.now) },
  ];
  // Older news than what is shown.
  if (viewer.balance !== undefined && event.sequence < viewer.balance.sequence) return paced;
  return [
    ...paced,
    update<Balance>(keys.credits.balance, (held) => withBooked(held, event)),
    updateAll<BurnDown>(keys.credits.burnDowns, (held) => endingAt(held, event, viewer.now)),
    updateAll<DialCheck>(keys.leads.dialChecks, (held) => withAvailable(held, event)),
  ];
}

function ofDialCheck({ value, isOnItsWay }: Held, event: BalanceChanged, { balance }: Viewer): Pace {
  // The answer that is on its way may know less, and nobody can tell what it says.
  if (isOnItsWay || value === undefined) return SOON;
  const held = value as DialCheck;
  if (mayTurn(held, event.available_mcredits)) return SOON;
  // Only a call that begins sets more aside. Of a colleague's call this is all that a rep's page hears.
  if (balance !== undefined && event.held_mcredits > balance.held_mcredits) return WHEN_CALLS_BEGIN;
  // Each change of what is held begins the question's own interval anew, which would never end.
  return waitsForCallsEnd(held) ? WHILE_WAITING : NOW_AND_THEN;
}

/** Whether a dial-check can say something else, may call or longest call, once so much is available. */
export function mayTurn(held: DialCheck, availableMcredits: number): boolean {
  // What was booked may be of the month that a cap bounds, and no event tells how much of it is left.
  if (held.cap_left_mcredits !== null || held.workspace_left_mcredits !== null) return true;
  const { available_mcredits: before, longest_call_s, price_mcredits_per_minute: price } = held;
  const rises = availableMcredits > before;
  if (held.refusals.some(({ code }) => code === "insufficient_credit")) return rises;
  const cost = Math.ceil((longest_call_s * price) / 60);
  // Where another minute could not be paid, the credits may be what bounds the longest call.
  return availableMcredits < cost || (rises && before < cost + price);
}

/** Whether some call of the team has to end before one begins. */
export function waitsForCallsEnd(held: DialCheck): boolean {
  return held.refusals.some(({ code }) => code === "live_calls_reached");
}

function ofBurnDown({ value }: Held, now: string): Pace {
  return value !== undefined && !endsToday(value as BurnDown, now) ? SOON : BY_THE_MINUTE;
}

function ofStatement({ key }: Held, now: string): Pace | null {
  const { until } = (key.at(-1) ?? {}) as StatementFilters;
  return until !== undefined && Date.parse(until) + BOOKED_LATE_MS < Date.parse(now) ? null : SOON;
}

type Booked = Pick<Balance, "available_mcredits" | "held_mcredits" | "debt_mcredits" | "sequence">;

/** A balance with what was booked on it later, unless it knows that already. */
export function withBooked(balance: Balance, later: Booked): Balance {
  if (later.sequence < balance.sequence) return balance;
  const { available_mcredits, held_mcredits, debt_mcredits, sequence } = later;
  const minutes_left = minutesLeft(available_mcredits, balance.rate.mcredits_per_minute);
  return { ...balance, available_mcredits, held_mcredits, debt_mcredits, sequence, minutes_left };
}

function minutesLeft(availableMcredits: number, mcreditsPerMinute: number): number {
  return mcreditsPerMinute > 0 ? Math.floor(Math.max(0, availableMcredits) / mcreditsPerMinute) : 0;
}

export function withAvailable(held: DialCheck, { available_mcredits }: Booked): DialCheck {
  return { ...held, available_mcredits };
}

/** The last day is today, whose end is now; one that is over stays as it ended. now: ISO. */
export function endingAt(held: BurnDown, booked: Booked, now: string): BurnDown {
  const today = held.days.at(-1);
  if (today === undefined || !endsToday(held, now)) return held;
  const balance_mcredits = booked.available_mcredits + booked.held_mcredits - booked.debt_mcredits;
  return { ...held, days: [...held.days.slice(0, -1), { ...today, balance_mcredits }] };
}

function endsToday(held: BurnDown, now: string): boolean {
  const last = held.days.at(-1);
  return last !== undefined && localDay(last.day).toDateString() === new Date(now).toDateString();
}
