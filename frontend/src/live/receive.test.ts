import { QueryClient } from "@tanstack/react-query";
import { expect, test } from "vitest";
import { askAfresh } from "../api/keepAnswer";
import { keys } from "../api/keys";
import type { Segment, ServerEvent } from "../api/types";
import { Pacer } from "./pace";
import { receive } from "./receive";
import { caughtUp, emptyTranscript, type Transcript } from "./transcript";

const key = keys.calls.transcript("c1");

function said(sequence: number): Segment {
  return {
    id: `s${sequence}`,
    call_id: "c1",
    sequence,
    kind: "speech",
    speaker: "agent",
    start_ms: sequence * 1000,
    end_ms: sequence * 1000 + 900,
    text: `words ${sequence}`,
    confidence: 0.9,
    words: [],
    replaces: [],
    correction: null,
    refusal: null,
  };
}

/** A page whose questions the server reads at once, and whose answers are on their way until they are let through. */
function page() {
  const stored: Segment[] = [said(1)];
  const onTheWay: (() => void)[] = [];
  const client = new QueryClient();
  const pacer = new Pacer(client, 0);
  void client.prefetchQuery({
    queryKey: key,
    queryFn: async (): Promise<Transcript> => {
      const read = [...stored];
      await new Promise<void>((arrive) => onTheWay.push(arrive));
      return caughtUp(client.getQueryData<Transcript>(key) ?? emptyTranscript, read, read.length);
    },
  });
  const settle = () => new Promise((done) => setTimeout(done));
  return {
    client,
    pacer,
    stored,
    onTheWay,
    async arrive(): Promise<void> {
      onTheWay.shift()?.();
      await settle();
    },
    texts: () => client.getQueryData<Transcript>(key)?.segments.map((each) => each.text),
  };
}

function added(segment: Segment): ServerEvent {
  return { type: "segment.added", call_id: "c1", sequence: segment.sequence, segment };
}

test("a line that is stored between the first question and the subscription is asked for", async () => {
  const { client, stored, arrive, texts } = page();
  stored.push(said(2));
  void askAfresh(client, key);
  await arrive();
  expect(texts()).toEqual(["words 1"]);
  await arrive();
  expect(texts()).toEqual(["words 1", "words 2"]);
});

test("lines that are told while the first answer is on its way are asked for, once for all of them", async () => {
  const { client, pacer, stored, onTheWay, arrive, texts } = page();
  for (const sequence of [2, 3]) {
    stored.push(said(sequence));
    receive(client, pacer, added(said(sequence)), "me");
  }
  await arrive();
  expect(onTheWay).toHaveLength(1);
  await arrive();
  expect(texts()).toEqual(["words 1", "words 2", "words 3"]);
  expect(onTheWay).toHaveLength(0);
});

test("what nobody asked for is not asked for", () => {
  const client = new QueryClient();
  const pacer = new Pacer(client, 0);
  receive(client, pacer, added(said(1)), "me");
  void askAfresh(client, key);
  expect(client.getQueryCache().findAll({ fetchStatus: "fetching" })).toEqual([]);
});

test("a line that is told when the text is held is there at once", async () => {
  const { client, pacer, onTheWay, arrive, texts } = page();
  await arrive();
  receive(client, pacer, added(said(2)), "me");
  expect(texts()).toEqual(["words 1", "words 2"]);
  expect(onTheWay).toHaveLength(0);
});
