import type { QueryKey } from "@tanstack/react-query";
import type { Balance } from "../api/types";
import type { Pace } from "./pace";

/** What the page holds of one question. value: undefined before its first answer; isOnItsWay: it is being asked. */
export interface Held {
  key: QueryKey;
  value: unknown;
  isOnItsWay: boolean;
}

/** One change of the query cache: the value under a key made anew, or everything below a key asked for again, at once or each
 * at its pace; null where it cannot have changed. A pace looks at what was held before the event, wherever it stands among the
 * changes. */
export type Change =
  | { do: "update"; key: QueryKey; with: (held: unknown) => unknown }
  | { do: "update-all"; key: QueryKey; with: (held: unknown) => unknown }
  | { do: "refetch"; key: QueryKey }
  | { do: "refetch-paced"; key: QueryKey; pace: (held: Held) => Pace | null };

/** Who looks. now: when the event arrived, ISO. balance: what the page holds of it. */
export interface Viewer {
  userId: string;
  now: string;
  balance?: Balance;
}

/** Updates only what is held: what nobody has asked for yet, is fetched whole when somebody does. */
export function update<T>(key: QueryKey, change: (held: T) => T): Change {
  return { do: "update", key, with: (held) => (held === undefined ? undefined : change(held as T)) };
}

export function updateAll<T>(key: QueryKey, change: (held: T) => T): Change {
  return { do: "update-all", key, with: (held) => (held === undefined ? undefined : change(held as T)) };
}
