const pad = (value: number): string => String(value).padStart(2, "0");

/** Seconds as a clock: 65 -> "1:05", 3671 -> "1:01:11". */
export function clock(seconds: number): string {
  const total = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  const rest = pad(total % 60);
  return hours > 0 ? `${hours}:${pad(minutes)}:${rest}` : `${minutes}:${rest}`;
}

export function clockMs(ms: number): string {
  return clock(ms / 1000);
}

/** Seconds in words for reading, not for counting: 45 -> "45 seconds", 5400 -> "1 hour 30 minutes". */
export function longTime(seconds: number): string {
  const part = (value: number, unit: string): string => `${value} ${unit}${value === 1 ? "" : "s"}`;
  if (seconds < 60) return part(Math.max(0, Math.floor(seconds)), "second");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return part(minutes, "minute");
  const hours = Math.floor(minutes / 60);
  return minutes % 60 === 0 ? part(hours, "hour") : `${part(hours, "hour")} ${part(minutes % 60, "minute")}`;
}

const dateTime = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const dateOnly = new Intl.DateTimeFormat("en-GB", { dateStyle: "long" });
const dayOnly = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });
const timeOnly = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const timeWithSeconds = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const weekday = new Intl.DateTimeFormat("en-GB", { weekday: "long" });

export const atDateTime = (iso: string): string => dateTime.format(new Date(iso));
export const atTime = (iso: string): string => timeOnly.format(new Date(iso));
export const atSecond = (iso: string): string => timeWithSeconds.format(new Date(iso));

/** "2026-03-31" -> the date at this browser's midnight. */
export function localDay(day: string): Date {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  return new Date(year, month - 1, date);
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;
export const isDay = (text: string): boolean => DAY.test(text);

/** A day is the same one wherever it is read; `Date` alone takes it for a moment, midnight in UTC. */
const dayOf = (iso: string): Date => (isDay(iso) ? localDay(iso) : new Date(iso));

/** Of a day, or of a moment by the clock of this browser. */
export const onDate = (iso: string): string => dateOnly.format(dayOf(iso));
export const onDay = (iso: string): string => dayOnly.format(dayOf(iso));

const shortDay = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
export const onShortDay = (day: Date): string => shortDay.format(day);

const DAY_MS = 86_400_000;

/** Near days by their name: "today 14:05", "tomorrow 08:00", "yesterday 09:30", "Monday 10:00", then the date. */
export function when(iso: string, now: Date): string {
  const then = new Date(iso);
  const startOfToday = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  const startOfThen = new Date(then.getFullYear(), then.getMonth(), then.getDate()).getTime();
  const days = Math.round((startOfToday - startOfThen) / DAY_MS);
  if (days === 0) return `today ${timeOnly.format(then)}`;
  if (days === -1) return `tomorrow ${timeOnly.format(then)}`;
  if (days === 1) return `yesterday ${timeOnly.format(then)}`;
  if (days > 1 && days < 7) return `${weekday.format(then)} ${timeOnly.format(then)}`;
  return dateTime.format(then);
}
