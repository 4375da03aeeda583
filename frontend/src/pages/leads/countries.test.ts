import { expect, test } from "vitest";
import { countryName } from "../../format/country";
import { COUNTRIES } from "./countries";

test("countries stand in the order of the names that are shown", () => {
  const names = COUNTRIES.map(countryName);
  expect(names).toEqual([...names].sort((one, other) => one.localeCompare(other, "en")));
  expect(names[0]).toBe("Australia");
});
