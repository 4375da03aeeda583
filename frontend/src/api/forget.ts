import type { QueryClient } from "@tanstack/react-query";
import { keys } from "./keys";

/** Drops everything that the page holds of the server but that nobody is signed in, and what was being asked or sent. */
export function forgetAllButSession(client: QueryClient): void {
  const [kept] = keys.session;
  void client.cancelQueries({ predicate: ({ queryKey }) => queryKey[0] !== kept });
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== kept });
  client.getMutationCache().clear();
}
