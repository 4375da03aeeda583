import type { ReactNode } from "react";
import { useInLook } from "./useSession";

/** What changes something, or is the member's own: not there while one of our own people sees the page, since the server would refuse
 * it. The banner says so. */
export function Changes({ children }: { children: ReactNode }) {
  return useInLook() ? null : children;
}
