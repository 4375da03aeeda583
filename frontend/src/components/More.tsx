import { Button } from "@mantine/core";

export interface Pages {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => Promise<unknown>;
}

/** The way to the next page of a list; what is shown stays in its place. */
export function More({ pages }: { pages: Pages }) {
  if (!pages.hasNextPage) return null;
  return (
    <div>
      <Button variant="default" onClick={() => void pages.fetchNextPage()} loading={pages.isFetchingNextPage}>
        Show more
      </Button>
    </div>
  );
}
