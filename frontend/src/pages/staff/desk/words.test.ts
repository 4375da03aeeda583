import { expect, test } from "vitest";
import { entryWords } from "./words";

test("how a case ended is said in words, and what people wrote stays as it is", () => {
  const entry = { kind: "change", text: "Answered (taken_back): It was a mistake." } as const;
  expect(entryWords(entry)).toBe("Answered (taken back): It was a mistake.");
  expect(entryWords({ ...entry, kind: "words" })).toBe(entry.text);
});
