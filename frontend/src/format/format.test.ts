import { describe, expect, test } from "vitest";
import { placeName } from "./country";
import { creditCounter, credits, money, signedCredits } from "./credits";
import { clock, longTime, when } from "./time";

describe("credits", () => {
  test("are written with their unit and no needless digits", () => {
    expect(credits(12_500)).toBe("12.5 credits");
    expect(credits(1_000)).toBe("1 credit");
    expect(credits(0)).toBe("0 credits");
    expect(credits(1)).toBe("0.001 credits");
    expect(credits(1_234_567_000)).toBe("1,234,567 credits");
  });
  test("keep two digits while they count", () => expect(creditCounter(12_500)).toBe("12.50"));
  test("carry their sign on a statement", () => {
    expect(signedCredits(2_000)).toBe("+2");
    expect(signedCredits(-400)).toBe("−0.4");
    expect(signedCredits(0)).toBe("0");
  });
});

describe("money", () => {
  test("follows the number of minor digits of its currency", () => {
    expect(money(1999, "USD")).toBe("$19.99");
    expect(money(1999, "JPY")).toBe("¥1,999");
  });
});

describe("time", () => {
  test("counts as a clock", () => {
    expect(clock(65)).toBe("1:05");
    expect(clock(3671)).toBe("1:01:11");
    expect(clock(-3)).toBe("0:00");
  });
  test("reads as words", () => {
    expect(longTime(1)).toBe("1 second");
    expect(longTime(59)).toBe("59 seconds");
    expect(longTime(60)).toBe("1 minute");
    expect(longTime(5400)).toBe("1 hour 30 minutes");
  });
  test("names the days that are near", () => {
    const now = new Date(2026, 4, 20, 12, 0);
    const at = (day: number, hour: number): string => new Date(2026, 4, day, hour, 5).toISOString();
    expect(when(at(20, 9), now)).toBe("today 09:05");
    expect(when(at(19, 23), now)).toBe("yesterday 23:05");
    expect(when(at(21, 8), now)).toBe("tomorrow 08:05");
    expect(when(at(18, 23), now)).toBe("Monday 23:05");
    expect(when(at(1, 8), now)).toBe("1 May 2026, 08:05");
  });
});

test("a session's place is a country by its name, a private network or nothing", () => {
  expect(placeName({ country: "LT", is_local: false })).toBe("Lithuania");
  expect(placeName({ country: null, is_local: true })).toBe("A private network");
  expect(placeName({ country: null, is_local: false })).toBeNull();
});
