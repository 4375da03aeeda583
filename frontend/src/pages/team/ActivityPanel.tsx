import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { activityQuery } from "../../api/queries";
import type { Act } from "../../api/types";
import list from "../../components/List.module.css";
import { More } from "../../components/More";
import { ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { Waiting } from "../../components/Waiting";
import { when } from "../../format/time";
import { actWords } from "./actWords";
import classes from "./TeamPage.module.css";

/** Who did what in the workspace. The record behind it is append-only, so nobody edits this list. */
export function ActivityPanel() {
  const activity = useInfiniteQuery(activityQuery);
  const items = activity.data?.pages.flatMap((page) => page.items);
  const now = new Date();
  return (
    <Panel title="Activity">
      <p className="quiet">What members changed here. Nobody can edit or delete this record.</p>
      <ProblemNote error={activity.error} />
      {activity.isPending && <Waiting lines={4} what="the activity" />}
      {items?.length === 0 && <p>Nothing yet. Invitations, roles, top-ups and corrections appear here.</p>}
      {items && items.length > 0 && (
        <table className={list.table}>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">What</th>
            </tr>
          </thead>
          <tbody>
            {items.map((act) => (
              <tr key={act.id}>
                <td className="num">{when(act.at, now)}</td>
                <td className={classes.name}>
                  <strong>{by(act)}</strong> {actWords(act)}
                  {act.call_id && (
                    <>
                      {" "}
                      <Link to="/calls/$callId" params={{ callId: act.call_id }}>
                        Open the call
                      </Link>
                    </>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <More pages={activity} />
    </Panel>
  );
}

function by({ by: name, by_us }: Act): string {
  return name ?? (by_us ? "Klosesales support" : "Somebody whose account is deleted");
}
