import { useLine } from "./Live";

const EVERY_MS = 3_000;

/** While the socket is down the tables are asked instead: how often, in ms; false while it is open. */
export function useAskedInstead(): number | false {
  const { state } = useLine();
  return state === "open" ? false : EVERY_MS;
}
