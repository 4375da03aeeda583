import { QueryClient } from "@tanstack/react-query";
import { expect, test } from "vitest";
import { keys } from "../api/keys";
import { emptyTranscript, heard, type Transcript } from "./transcript";
import { forgetInterim } from "./untold";

const spoken = heard(emptyTranscript, "callee", { text: "and one", start_ms: 0, end_ms: 400 });

/** A page that holds two calls, in both of which somebody speaks. */
function page() {
  const client = new QueryClient();
  const of = (id: string) => client.getQueryState<Transcript>(keys.calls.transcript(id));
  for (const id of ["c1", "c2"]) {
    client.setQueryData(keys.calls.transcript(id), spoken, { updatedAt: 1_000 });
  }
  return { client, of, speakers: () => ["c1", "c2"].filter((id) => of(id)?.data?.interim.callee) };
}

test("with the line goes what was being said, in every call", () => {
  const { client, speakers } = page();
  forgetInterim(client);
  expect(speakers()).toEqual([]);
});

test("with a call that is left goes what was being said in it, and the team's wall says nothing of any call", () => {
  const { client, speakers } = page();
  forgetInterim(client, null);
  expect(speakers()).toEqual(["c1", "c2"]);
  forgetInterim(client, "c1");
  expect(speakers()).toEqual(["c2"]);
});

test("a text is as old as before, and is still asked for again when it was to be", async () => {
  const { client, of } = page();
  await client.invalidateQueries({ queryKey: keys.calls.transcript("c1") });
  forgetInterim(client);
  expect(of("c1")).toMatchObject({ dataUpdatedAt: 1_000, isInvalidated: true });
  expect(of("c2")).toMatchObject({ dataUpdatedAt: 1_000, isInvalidated: false });
});
