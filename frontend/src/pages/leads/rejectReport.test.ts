import { expect, test } from "vitest";
import { rejectReport } from "./rejectReport";

const row = { line: 3, column: "Phone", code: "phone_invalid", message: 'Write "+44", then the rest.' };

test("the report quotes what would break its columns", () => {
  expect(rejectReport([row])).toBe('Line,Column,Reason\r\n3,"Phone","Write ""+44"", then the rest."\r\n');
});

test("a column whose name begins like a formula is kept from being one", () => {
  expect(rejectReport([{ ...row, column: "=1+1", message: "" }])).toContain('3,"\'=1+1",""');
});
