import { atDateTime, clockMs, isDay, longTime, onDate } from "./time";

const NAMES: Record<string, string> = {
  at: "When",
  agent: "Browser",
  by: "How",
  ip: "IP address",
  mobile_e164: "Mobile number",
  email: "E-mail address",
  duration_s: "Length",
};
// What is held under these names are the product's own words, not somebody's.
const OF_CODES = new Set(
  "as by disposition for kind outcome purpose recipient role speaker state status what".split(" "),
);
// Of those the short ones, which are no words.
const CODES: Record<string, string> = {
  clm_chck: "check, of a number not yet proved",
  clm_send: "sent, to a number not yet proved",
  num_chck: "check, without an account",
  num_send: "sent, without an account",
  sms: "text messages",
};
const MOMENT = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

/** The name of a field of something that is held, as a label: "email_verified_at" -> "Email verified at". */
export function heldName(key: string): string {
  const words = (NAMES[key] ?? key.replace(/_(ms|s)$/, "")).replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A single value as people write it: days and moments by the clock of this browser, everything that somebody wrote as it is. */
export function heldText(key: string, value: unknown): string {
  if (value === null || value === undefined || value === "") return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number" && key.endsWith("_ms")) return clockMs(value);
  if (typeof value === "number" && key.endsWith("_s")) return longTime(value);
  const text = String(value);
  if (MOMENT.test(text)) return atDateTime(text.replace(" ", "T"));
  if (isDay(text)) return onDate(text);
  return OF_CODES.has(key) ? (CODES[text] ?? text.replaceAll(/[_.]/g, " ")) : text;
}
