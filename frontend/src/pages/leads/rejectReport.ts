import type { RejectedRow } from "../../api/importLeads";

/** The rejected rows as a table that a spreadsheet opens. */
export function rejectReport(rows: RejectedRow[]): string {
  // A column's name is anybody's words: one that begins like a formula is kept from being one.
  const quoted = (text: string) => `"${text.replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
  const lines = rows.map((row) => [String(row.line), quoted(row.column), quoted(row.message)].join(","));
  return `${["Line,Column,Reason", ...lines].join("\r\n")}\r\n`;
}
