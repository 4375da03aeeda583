import { QueryClient } from "@tanstack/react-query";
import { expect, test } from "vitest";
import { forgetAllButSession } from "./forget";
import { keys } from "./keys";

test("a page whose session ended holds nothing but that it ended", async () => {
  const client = new QueryClient();
  client.setQueryData(keys.session, { state: "anonymous" });
  client.setQueryData(["leads", {}], [{ first_name: "Nia" }]);
  client.setQueryData(["calls", "one", "transcript"], ["words"]);
  await client
    .getMutationCache()
    .build(client, { mutationFn: async () => "sent" })
    .execute({ phone: "+12025550188" });
  forgetAllButSession(client);
  expect(
    client
      .getQueryCache()
      .getAll()
      .map((each) => each.queryKey),
  ).toEqual([keys.session]);
  expect(client.getMutationCache().getAll()).toEqual([]);
});
