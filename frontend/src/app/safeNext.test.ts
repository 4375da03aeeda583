import { expect, test } from "vitest";
import { safeNext } from "./safeNext";

test("after sign-in people go to a page of our own, wherever a link says", () => {
  expect(safeNext("/leads?search=ada")).toBe("/leads?search=ada");
  for (const elsewhere of [undefined, "", "https://evil.example", "//evil.example", "/\\evil.example"]) {
    expect(safeNext(elsewhere)).toBe("/call");
  }
});
