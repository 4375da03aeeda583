import type { Role } from "../../api/types";

/** A role as a title, after "as", and what it may do. */
export const ROLE_WORDS: Record<Role, { title: string; a: string; may: string }> = {
  owner: { title: "Owner", a: "the owner", may: "Everything, and handing the workspace over" },
  manager: {
    title: "Manager",
    a: "a manager",
    may: "Sees all calls and spending, buys credits, invites reps",
  },
  rep: { title: "Rep", a: "a rep", may: "Calls leads, sees their own calls" },
};
