import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { describe, expect, it } from "vitest";
import { FreshQueryClient } from "./freshQueryClient";

const queryKey = ["team", "activity"];

/** What a page shows after the record changed while its first answer was on the way. */
async function shownAfterChange(client: QueryClient): Promise<string | undefined> {
  let record = "old";
  let deliver = () => {};
  const observer = new QueryObserver(client, {
    queryKey,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: () => {
      const read = record;
      return new Promise<string>((resolve) => {
        deliver = () => resolve(read);
      });
    },
  });
  const leave = observer.subscribe(() => {});
  record = "new";
  const invalidated = client.invalidateQueries({ queryKey: ["team"] });
  const pump = setInterval(() => deliver(), 1);
  await invalidated;
  clearInterval(pump);
  const shown = observer.getCurrentResult().data;
  leave();
  return shown;
}

describe("an invalidation while the first answer is on the way", () => {
  it("fetches again", async () => {
    expect(await shownAfterChange(new FreshQueryClient())).toBe("new");
  });

  it("would be forgotten by the plain client", async () => {
    expect(await shownAfterChange(new QueryClient())).toBe("old");
  });
});
