import { Link } from "@tanstack/react-router";
import { Note } from "../components/Note";
import classes from "./PolicyNotice.module.css";

/** Stands on every page as long as the person wants nothing of theirs used. why: as calling and asking are refused. */
export function UseNotice({ why }: { why: string }) {
  return (
    <div className={classes.notice}>
      <Note tone="warn" title="Calling and asking are off" action={<Link to="/privacy">Privacy centre</Link>}>
        {why}
      </Note>
    </div>
  );
}
