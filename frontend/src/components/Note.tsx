import type { ReactNode } from "react";
import { asProblem } from "../api/problem";
import classes from "./Note.module.css";

interface NoteProps {
  tone?: "plain" | "good" | "warn" | "bad";
  title?: string;
  children: ReactNode;
  action?: ReactNode;
  /** alert: read out at once; status: when there is a pause. */
  role?: "alert" | "status" | "note";
}

/** A boxed sentence beside what it is about. */
export function Note({ tone = "plain", title, children, action, role = "note" }: NoteProps) {
  return (
    <div className={`${classes.note} ${classes[tone]}`} role={role}>
      {title && <strong>{title}</strong>}
      <div>{children}</div>
      {action && <div className={classes.actions}>{action}</div>}
    </div>
  );
}

/** What a request failed with and what to do about it; nothing when it did not fail. */
export function ProblemNote({ error, action }: { error: unknown; action?: ReactNode }) {
  const problem = asProblem(error);
  if (problem === null) return null;
  return (
    <Note tone="bad" role="alert" title={problem.title} action={action}>
      {problem.detail}
    </Note>
  );
}
