import { QueryClient } from "@tanstack/react-query";
import { expect, test } from "vitest";
import { keepAnswer } from "./keepAnswer";

const key = ["cases"];

test("an answer that was read before a write does not put back what was then", async () => {
  const stored: string[] = [];
  const onTheWay: (() => void)[] = [];
  const client = new QueryClient();
  const settle = () => new Promise((done) => setTimeout(done));
  void client.prefetchQuery({
    queryKey: key,
    queryFn: async () => {
      const read = [...stored];
      await new Promise<void>((arrive) => onTheWay.push(arrive));
      return read;
    },
  });
  stored.push("a complaint");
  keepAnswer(client, key, [...stored]);
  onTheWay.shift()?.();
  await settle();
  expect(onTheWay).toHaveLength(1);
  onTheWay.shift()?.();
  await settle();
  expect(client.getQueryData(key)).toEqual(["a complaint"]);
});

test("nothing is asked for where no read is under way", () => {
  const client = new QueryClient();
  keepAnswer(client, key, ["a complaint"]);
  expect(client.getQueryData(key)).toEqual(["a complaint"]);
  expect(client.isFetching()).toBe(0);
});
