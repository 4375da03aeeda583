/** What a page keeps of a text that the server gives it no longer. */

import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Transcript } from "../live/transcript";
import { keys } from "./keys";
import type { CallWithSpeech, Segment } from "./types";

vi.hoisted(() => {
  vi.stubGlobal("window", { location: { origin: "http://here" } });
});

import { callQuery, transcriptQuery } from "./queries";

const words = {
  id: "s1",
  call_id: "c1",
  sequence: 3,
  kind: "speech",
  start_ms: 0,
  end_ms: 900,
  replaces: [],
};
const server = { status: 200, asked: [] as (string | null)[], call: {} as Partial<CallWithSpeech> };
let client: QueryClient;

beforeEach(() => {
  server.status = 200;
  server.asked = [];
  vi.stubGlobal("fetch", async ({ url }: Request) => {
    const { pathname, searchParams } = new URL(url);
    if (!pathname.endsWith("/segments")) return Response.json(server.call);
    const after = searchParams.get("after_sequence");
    server.asked.push(after);
    if (server.status !== 200) return Response.json({ code: "no" }, { status: server.status });
    const items = Number(after) < words.sequence ? [words as unknown as Segment] : [];
    return Response.json({ items, latest_sequence: 3 });
  });
  client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
});

afterEach(() => client.clear());

const asks = () => client.fetchQuery({ ...transcriptQuery("c1"), staleTime: 0 });
const held = () => client.getQueryData<Transcript>(keys.calls.transcript("c1"));

test.each([403, 404, 409])(
  "words that the server withholds with a %i go, and come back whole",
  async (status) => {
    await asks();
    expect(held()?.segments).toHaveLength(1);
    server.status = status;
    await expect(asks()).rejects.toMatchObject({ status });
    expect(held()?.segments).toEqual([]);
    expect(client.getQueryState(keys.calls.transcript("c1"))?.status).toBe("error");
    server.status = 200;
    await asks();
    expect(held()?.segments).toHaveLength(1);
    expect(server.asked).toEqual(["0", "3", "0"]);
  },
);

test("words stay while the server only fails to answer", async () => {
  await asks();
  server.status = 503;
  await expect(asks()).rejects.toMatchObject({ status: 503 });
  expect(held()?.segments).toHaveLength(1);
});

test("words whose removal was told while nobody listened go once the call is asked for", async () => {
  await asks();
  server.call = { id: "c1", status: "completed", transcript_state: "expired", sequence: 4, speech: [] };
  await client.fetchQuery(callQuery("c1"));
  expect(held()?.segments).toEqual([]);
  await asks();
  expect(server.asked.at(-1)).toBe("3");
});
