import {
  type InvalidateOptions,
  type InvalidateQueryFilters,
  QueryClient,
  type QueryKey,
} from "@tanstack/react-query";

/** A query client whose invalidation also holds for what is being fetched for the first time.
 *
 * TanStack Query starts a running fetch again only when there is data already; a first answer that the server gave
 * before the change would stand as fresh. https://tanstack.com/query/v5/docs/reference/QueryClient#queryclientinvalidatequeries
 */
export class FreshQueryClient extends QueryClient {
  override async invalidateQueries<TTaggedQueryKey extends QueryKey = QueryKey>(
    filters?: InvalidateQueryFilters<TTaggedQueryKey>,
    options?: InvalidateOptions,
  ): Promise<void> {
    const early = this.getQueryCache()
      .findAll({ ...filters, fetchStatus: "fetching" })
      .filter((query) => query.state.data === undefined);
    await super.invalidateQueries(filters, options);
    if (early.length === 0) return;
    await super.invalidateQueries({ ...filters, predicate: (query) => early.includes(query) }, options);
  }
}
