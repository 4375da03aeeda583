import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { teamLooksQuery } from "../../api/staffQueries";
import type { TeamLook } from "../../api/types";
import list from "../../components/List.module.css";
import { More } from "../../components/More";
import { ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { Tag } from "../../components/Tag";
import { Waiting } from "../../components/Waiting";
import { atTime, when } from "../../format/time";
import { openedCalls, openedWords, STAFF_ROLE_WORDS } from "./lookWords";
import classes from "./TeamPage.module.css";

/** Which of Klosesales' own people looked into the workspace. */
export function LooksPanel() {
  const looks = useInfiniteQuery(teamLooksQuery);
  const items = looks.data?.pages.flatMap((page) => page.items);
  return (
    <Panel title="Looks by Klosesales">
      <p className="quiet">
        Our staff looks into a workspace only with a reason, for 30 minutes at most, and can change nothing.
        Each look stands here.
      </p>
      <ProblemNote error={looks.error} />
      {looks.isPending && <Waiting lines={3} what="the looks" />}
      {items?.length === 0 && <p>Nobody of Klosesales has looked into this workspace.</p>}
      {items && items.length > 0 && <LooksTable looks={items} />}
      <More pages={looks} />
    </Panel>
  );
}

function LooksTable({ looks }: { looks: TeamLook[] }) {
  const now = new Date();
  return (
    <table className={list.table}>
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">Who and why</th>
        </tr>
      </thead>
      <tbody>
        {looks.map((look) => (
          <tr key={look.id}>
            <td className="num">
              {when(look.began_at, now)}
              <div className={list.under}>
                {look.ended_at ? `until ${atTime(look.ended_at)}` : <Tag tone="warn">Goes on</Tag>}
              </div>
            </td>
            <td className={classes.name}>
              <strong>{look.staff_name}</strong> ({STAFF_ROLE_WORDS[look.staff_role]})
              {look.viewed && ` saw the pages of ${look.viewed}`}:{" "}
              {look.reason || "the reason was removed with a deleted account"}
              {look.case_reference && ` (case ${look.case_reference})`}
              <div className={list.under}>
                {openedWords(look.opened)}{" "}
                {openedCalls(look.opened).map((id, place) => (
                  <Link key={id} to="/calls/$callId" params={{ callId: id }}>
                    Call {place + 1}{" "}
                  </Link>
                ))}
              </div>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
