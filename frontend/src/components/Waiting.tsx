import { Skeleton } from "@mantine/core";
import { Late } from "./Late";

const WIDTHS = ["72%", "91%", "64%", "83%", "78%", "58%", "88%", "69%"];

/** Grey lines where text will stand. what: said to those who cannot see them. */
export function Waiting({ lines = 4, what }: { lines?: number; what: string }) {
  return (
    <Late>
      <div className="stack" role="status">
        <span className="visually-hidden">Loading {what}</span>
        {Array.from({ length: lines }, (_, line) => WIDTHS[line % WIDTHS.length] as string).map(
          (width, line) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the lines are all alike and never change places.
            <Skeleton key={line} height={14} width={width} />
          ),
        )}
      </div>
    </Late>
  );
}
