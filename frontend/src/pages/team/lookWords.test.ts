import { expect, test } from "vitest";
import { openedCalls, openedWords } from "./lookWords";

const CALL = "01a21120-cca3-7342-b553-9b182624e9c9";
const OTHER = "01a21120-cca3-7342-b553-9b182624e9ca";

test("what was opened is told by kind, with counts", () => {
  expect(openedWords([])).toBe("Nothing was opened.");
  expect(
    openedWords([
      { what: "balance", id: null },
      { what: "call", id: CALL },
      { what: "call", id: OTHER },
      { what: "transcript", id: CALL },
    ]),
  ).toBe("Opened: the balance, 2 calls, the text of 1 call.");
});

test("each call that was opened is there once", () => {
  const opened = [
    { what: "lead", id: OTHER },
    { what: "call", id: CALL },
    { what: "receipt", id: CALL },
  ] as const;
  expect(openedCalls(opened)).toEqual([CALL]);
});
