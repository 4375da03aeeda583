const GROUPED = /^\d{1,3}(,\d{3})+(\.\d+)?$/;
const PLAIN = /^\d+([.,]\d+)?$/;

/** Credits as people type them, "1,000" and "12,5" alike, in milli-credits; null for nothing, undefined for what is no amount. */
export function typedMcredits(typed: string): number | null | undefined {
  const text = typed.trim();
  if (text === "") return null;
  if (GROUPED.test(text)) return Math.round(Number(text.replaceAll(",", "")) * 1000);
  return PLAIN.test(text) ? Math.round(Number(text.replace(",", ".")) * 1000) : undefined;
}

const COUNT = /^[1-9]\d{0,4}$/;
const COUNT_MAX = 10_000;

/** A whole number from 1 to 10,000; null for nothing, undefined for anything else. */
export function typedCount(typed: string): number | null | undefined {
  const text = typed.trim().replaceAll(",", "");
  if (text === "") return null;
  const count = Number(text);
  return COUNT.test(text) && count <= COUNT_MAX ? count : undefined;
}
