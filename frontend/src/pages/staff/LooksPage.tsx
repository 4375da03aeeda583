import { Button } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { ownLooksQuery, staffSessionQuery } from "../../api/staffQueries";
import list from "../../components/List.module.css";
import { More } from "../../components/More";
import { Note, ProblemNote } from "../../components/Note";
import { Page, Panel } from "../../components/Page";
import { Tag } from "../../components/Tag";
import { Waiting } from "../../components/Waiting";
import { atTime, when } from "../../format/time";
import { openedWords } from "../team/lookWords";
import { FindPanel } from "./FindPanel";
import classes from "./Staff.module.css";

/** Into a workspace, with a reason; and the looks so far. */
export function LooksPage() {
  const { data: session } = useQuery(staffSessionQuery);
  return (
    <Page title="Looks">
      {session?.look && <OpenLook workspace={session.look.workspace_name} endsAt={session.look.ends_at} />}
      <FindPanel />
      <LooksSoFar all={session?.permissions?.read_record === true} />
    </Page>
  );
}

function OpenLook({ workspace, endsAt }: { workspace: string; endsAt: string }) {
  const client = useQueryClient();
  const end = useMutation({
    mutationFn: () => answer(api.POST("/api/staff/looks/end")),
    onSettled: () => client.invalidateQueries({ queryKey: keys.staff.all }),
  });
  return (
    <Note
      tone="warn"
      title={`Your look into ${workspace} goes on until ${atTime(endsAt)}`}
      action={
        <div className="row">
          <Button size="compact-sm" component="a" href="/calls">
            Go on looking
          </Button>
          <Button size="compact-sm" variant="default" onClick={() => end.mutate()} loading={end.isPending}>
            End the look
          </Button>
        </div>
      }
    >
      Pages of the product show that workspace in this browser.
    </Note>
  );
}

function LooksSoFar({ all }: { all: boolean }) {
  const looks = useInfiniteQuery(ownLooksQuery);
  const items = looks.data?.pages.flatMap((page) => page.items);
  const now = new Date();
  return (
    <Panel title={all ? "Looks of everybody" : "Your looks"}>
      <ProblemNote error={looks.error} />
      {looks.isPending && <Waiting lines={4} what="the looks" />}
      {items?.length === 0 && <p>None yet. Each look stands here and on the workspace&rsquo;s Team page.</p>}
      {items && items.length > 0 && (
        <table className={list.table}>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">Workspace and why</th>
            </tr>
          </thead>
          <tbody>
            {items.map((look) => (
              <tr key={look.id}>
                <td className="num">
                  {when(look.began_at, now)}
                  <div className={list.under}>
                    {look.ended_at ? `until ${atTime(look.ended_at)}` : <Tag tone="warn">Goes on</Tag>}
                  </div>
                </td>
                <td className={classes.wide}>
                  <strong>{look.workspace_name || "A deleted workspace"}</strong>
                  {all && ` by ${look.staff_name}`}: {look.reason || "the reason was removed"}
                  {look.case_reference && ` (case ${look.case_reference})`}
                  <div className={list.under}>{openedWords(look.opened)}</div>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <More pages={looks} />
    </Panel>
  );
}
