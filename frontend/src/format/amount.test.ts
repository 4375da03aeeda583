import { expect, test } from "vitest";
import { typedCount, typedMcredits } from "./amount";

test.each([
  ["50", 50_000],
  [" 12.5 ", 12_500],
  ["12,5", 12_500],
  ["1,000", 1_000_000],
  ["1,234,567.5", 1_234_567_500],
  ["0", 0],
  ["", null],
  ["a lot", undefined],
  ["1e3", undefined],
  ["0x10", undefined],
  ["-1", undefined],
  ["1.000,5", undefined],
])("%j is %j", (typed, mcredits) => {
  expect(typedMcredits(typed)).toBe(mcredits);
});

test.each([
  ["8", 8],
  [" 10,000 ", 10_000],
  ["", null],
  ["0", undefined],
  ["10001", undefined],
  ["1.5", undefined],
  ["1e3", undefined],
  ["many", undefined],
])("%j is the count %j", (typed, count) => {
  expect(typedCount(typed)).toBe(count);
});
