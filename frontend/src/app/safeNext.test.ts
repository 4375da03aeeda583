import { expect, test } from "vitest";
import { safeNext } from "./safeNext";

test("after sign-in people go to a page of our own, wherever a link says", () => {
  for (const own of ["/leads?search=ada", "/leads?search=a//b#c", "/calls/1?next=https://evil.example"]) {
    expect(safeNext(own)).toBe(own);
  }
  for (const elsewhere of [
    undefined,
    "",
    "leads",
    "https://evil.example",
    "javascript:alert(1)",
    "//",
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\\evil.example",
    "/\t\t\n//evil.example",
    "/.//evil.example",
    "/a/..//evil.example",
    "/%2e//evil.example",
  ]) {
    expect(safeNext(elsewhere)).toBe("/call");
  }
});

test("what it lets through leads nowhere else from a page of ours", () => {
  const pieces = ["/", "\\", "\t", "\n", ".", "..", "%2e", "evil.example", "@", ":", "?", "#", " ", "a"];
  for (const first of pieces)
    for (const second of pieces)
      for (const third of pieces) {
        const went = new URL(safeNext(`/${first}${second}${third}`), "https://klose.example/policy-question");
        expect(went.origin).toBe("https://klose.example");
        expect(went.pathname.startsWith("//")).toBe(false);
      }
});
