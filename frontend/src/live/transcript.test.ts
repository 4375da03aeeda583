import { expect, test } from "vitest";
import { emptyTranscript, heard, refused } from "./transcript";

test("once a lead wants no text, none that is still on its way is shown", () => {
  const interim = { text: "and one more", start_ms: 4000, end_ms: 5000 };
  const spoken = heard(emptyTranscript, "callee", interim);
  expect(spoken.interim.callee).toEqual(interim);
  expect(refused(spoken).interim).toEqual({});
  expect(heard(refused(spoken), "callee", interim).interim).toEqual({});
});
