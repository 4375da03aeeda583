import type { Query, QueryClient, QueryKey, Updater } from "@tanstack/react-query";

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

/** Changes a part of what is held: how old the whole is, and whether it has to be asked for again, stays as it was. */
export function changePart(client: QueryClient, query: Query, change: (held: unknown) => unknown): void {
  const { data, dataUpdatedAt, isInvalidated } = query.state;
  const updatedAt = data === undefined ? undefined : dataUpdatedAt;
  client.setQueryData(query.queryKey, change, { updatedAt });
  if (isInvalidated) query.invalidate();
}

/** Changes what is held under every key that begins with this one; what is not held stays so, and a question that is on its way
 * goes on. */
export function changeHeld<Held>(
  client: QueryClient,
  queryKey: QueryKey,
  change: (held: NoInfer<Held>) => NoInfer<Held>,
): void {
  for (const query of client.getQueryCache().findAll({ queryKey })) {
    const held = query.state.data as Held | undefined;
    if (held === undefined) continue;
    const next = change(held);
    if (next !== held) changePart(client, query, () => next);
  }
}

/** Asks for what the server knows from now on: after an answer that is on its way already, and may know less. */
export async function askAfresh(client: QueryClient, key: QueryKey): Promise<void> {
  // Whether it comes or not. All who wait for it ask together.
  const onItsWay = client.getQueryCache().find({ queryKey: key, exact: true, fetchStatus: "fetching" });
  await onItsWay?.promise?.catch(() => undefined);
  await client.refetchQueries({ queryKey: key, exact: true }, { cancelRefetch: false });
}
