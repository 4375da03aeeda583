import { expect, test } from "vitest";
import { inRows, type StripMark } from "./TalkStripNavigator";

const mark = (atMs: number): StripMark => ({
  atMs,
  letter: "O",
  kind: "Objection",
  label: `at ${atMs}`,
  segmentId: `s${atMs}`,
});

test("marks at the same place stand above one another, others beside", () => {
  const placed = inRows([mark(50_000), mark(10_000), mark(10_000), mark(11_000)], 100_000);
  expect(placed.map(({ mark: { atMs }, row }) => [atMs, row])).toEqual([
    [10_000, 0],
    [10_000, 1],
    [11_000, 2],
    [50_000, 0],
  ]);
});

test("marks at the ends stay on the strip", () => {
  const shares = inRows([mark(0), mark(100_000)], 100_000).map(({ share }) => share);
  expect(shares[0]).toBeGreaterThan(0);
  expect(shares[1]).toBeLessThan(1);
});
