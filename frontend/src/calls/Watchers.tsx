import { useQuery } from "@tanstack/react-query";
import { watchersQuery } from "../api/queries";
import { EyeIcon } from "../components/icons";
import classes from "./Watchers.module.css";

/** Who of the team reads along, told to whoever's call it is. */
export function Watchers({ callId }: { callId: string }) {
  const { data } = useQuery(watchersQuery(callId));
  return (
    <div role="status">
      {data !== undefined && data.length > 0 && (
        <p className={classes.watched}>
          <EyeIcon size={16} />
          {watchedWords(data)}
        </p>
      )}
    </div>
  );
}

export function watchedWords(watchers: readonly { name: string }[]): string {
  const names = watchers.map(({ name }) => name);
  const last = names.pop();
  if (names.length === 0) return `${last} is watching`;
  return `${names.join(", ")} and ${last} are watching`;
}
