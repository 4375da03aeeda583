import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { csrfToken } from "../api/client";
import { sessionQuery } from "../api/queries";
import type { Session } from "../api/types";

/** Whether one of our own people sees the pages as a member does, who then changes nothing. */
export function useInLook(): boolean {
  return useSuspenseQuery(sessionQuery).data.look !== null;
}

/** The session on a page that needs none. Only a browser that has our cookie is asked for it: who just reads is left nothing by
 * reading. */
export function useSessionIfAny() {
  return useQuery({ ...sessionQuery, enabled: csrfToken() !== "" });
}

/** The session of a page behind sign-in: its user and workspace are there. */
export function useSignedIn(): {
  user: NonNullable<Session["user"]>;
  workspace: NonNullable<Session["workspace"]>;
  permissions: NonNullable<Session["permissions"]>;
} {
  const { data } = useSuspenseQuery(sessionQuery);
  if (data.user === null || data.workspace === null || data.permissions === null) {
    throw new Error("This page is shown to signed-in people only");
  }
  return { user: data.user, workspace: data.workspace, permissions: data.permissions };
}
