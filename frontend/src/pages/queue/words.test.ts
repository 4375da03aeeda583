import { expect, test } from "vitest";
import { passedOverWords } from "./words";

test("the lead of one's own call is not told as a colleague's", () => {
  const passed = { outside_hours: 0, suppressed: 0, restricted: 0, reserved: 1 };
  expect(passedOverWords(passed, false)).toEqual(["1 lead with a colleague now"]);
  expect(passedOverWords(passed, true)).toEqual(["1 lead in your call or with a colleague now"]);
});
