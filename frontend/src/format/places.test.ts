/** The same days and moments, as browsers of other places show them. Planted and seen red: a day taken for midnight in UTC. */
import { afterAll, beforeEach, describe, expect, test, vi } from "vitest";

// What comes after midnight in UTC is shown by the clock of each place.
const PLACES = [
  { place: "UTC", moment: "4 December 2026" },
  { place: "America/New_York", moment: "3 December 2026" },
  { place: "Pacific/Auckland", moment: "4 December 2026" },
  // Clocks there go forward at midnight, so that 6 September 2026 has none.
  { place: "America/Santiago", moment: "3 December 2026" },
];

afterAll(() => void vi.unstubAllEnvs());

describe.each(PLACES)("in $place", ({ place, moment }) => {
  beforeEach(() => {
    vi.stubEnv("TZ", place);
    // The formatters keep the time zone in which they were made.
    vi.resetModules();
  });

  test("the clock is that of the place", () =>
    expect(new Intl.DateTimeFormat().resolvedOptions().timeZone).toBe(place));

  test("a day is that day", async () => {
    const { onDate, onDay, onShortDay, localDay } = await import("./time");
    expect(onDate("2026-12-04")).toBe("4 December 2026");
    expect(onDay("2026-12-04")).toBe("4 Dec 2026");
    expect(onShortDay(localDay("2026-12-04"))).toBe("4 Dec");
    expect(onDate("2026-09-06")).toBe("6 September 2026");
  });

  test("a moment is on the day that it is there", async () => {
    const { onDate } = await import("./time");
    expect(onDate("2026-12-04T01:30:00Z")).toBe(moment);
  });

  test("a day that is held about somebody is that day", async () => {
    const { heldText } = await import("./held");
    expect(heldText("due_on", "2026-12-24")).toBe("24 December 2026");
  });

  test("a day of the balance is that day", async () => {
    const { dayWords } = await import("../pages/credits/burn");
    const day = { day: "2026-12-04", spent_mcredits: 0, bought_mcredits: 0, balance_mcredits: 1_000 };
    expect(dayWords(day)).toMatch(/^4 Dec: /);
  });
});
