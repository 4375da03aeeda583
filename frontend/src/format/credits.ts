import type { Balance } from "../api/types";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 3 });
const live = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export const MCREDITS_PER_CREDIT = 1000;

/** 12500 -> "12.5". */
export function creditNumber(mcredits: number): string {
  return whole.format(mcredits / MCREDITS_PER_CREDIT);
}

/** 12500 -> "12.5 credits", 1000 -> "1 credit". */
export function credits(mcredits: number): string {
  return `${creditNumber(mcredits)} ${Math.abs(mcredits) === MCREDITS_PER_CREDIT ? "credit" : "credits"}`;
}

/** Two decimals always, so that a counter does not jump: 12500 -> "12.50". */
export function creditCounter(mcredits: number): string {
  return live.format(mcredits / MCREDITS_PER_CREDIT);
}

/** +12500 -> "+12.5", -400 -> "−0.4". */
export function signedCredits(mcredits: number): string {
  if (mcredits === 0) return "0";
  return `${mcredits > 0 ? "+" : "−"}${creditNumber(Math.abs(mcredits))}`;
}

/** amount_minor: in the currency's minor unit, of which each currency has its own number of digits. */
export function money(amountMinor: number, currency: string): string {
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  return format.format(amountMinor / 10 ** digits);
}

/** Whether the balance, with what is set aside and less the debt, is below its alert. */
export function isLow(balance: Balance): boolean {
  const { available_mcredits, held_mcredits, debt_mcredits, alert } = balance;
  return alert !== null && available_mcredits + held_mcredits - debt_mcredits < alert.threshold_mcredits;
}
