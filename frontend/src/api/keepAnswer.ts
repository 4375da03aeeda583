import type { QueryClient, QueryKey, Updater } from "@tanstack/react-query";

/** Puts a write's answer into what the page holds.
 *
 * A read that is under way may have been answered before the write, and would put back what was then; so it is asked
 * for once more, after it. */
export function keepAnswer<Held>(
  client: QueryClient,
  key: QueryKey,
  next: Updater<NoInfer<Held> | undefined, NoInfer<Held> | undefined>,
): void {
  client.setQueryData<Held>(key, next);
  if (client.isFetching({ queryKey: key, exact: true }) > 0) void askAfresh(client, key);
}

/** Asks for what the server knows from now on: after an answer that is on its way already, and may know less. */
export async function askAfresh(client: QueryClient, key: QueryKey): Promise<void> {
  // Whether it comes or not. All who wait for it ask together.
  const onItsWay = client.getQueryCache().find({ queryKey: key, exact: true, fetchStatus: "fetching" });
  await onItsWay?.promise?.catch(() => undefined);
  await client.refetchQueries({ queryKey: key, exact: true }, { cancelRefetch: false });
}
