import { Button, NativeSelect } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Team } from "../../api/types";
import { useSignedIn } from "../../app/useSession";
import { Dialog } from "../../components/Dialog";
import { More, type Pages } from "../../components/More";
import { ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { ProofDialog, wantsProof } from "../settings/ProofDialog";
import { nameOf } from "./MembersTable";
import classes from "./TeamPage.module.css";

/** The way out: an owner hands the workspace over, anybody else leaves it. Nothing for an owner who is alone. */
export function LeavePanel({ team, pages }: { team: Team; pages: Pages }) {
  const { permissions } = useSignedIn();
  if (!permissions.manage_workspace) return <Leave />;
  return team.members.some((member) => !member.is_self) ? <HandOver team={team} pages={pages} /> : null;
}

function HandOver({ team, pages }: { team: Team; pages: Pages }) {
  const client = useQueryClient();
  const others = team.members.filter((member) => !member.is_self);
  const [chosen, setChosen] = useState("");
  const heir = others.find((member) => member.user_id === chosen) ?? others[0];
  const [asking, setAsking] = useState(false);
  const handOver = useMutation({
    mutationFn: () => answer(api.POST("/api/team/owner", { body: { user_id: heir?.user_id ?? "" } })),
    onSuccess: async () => {
      setAsking(false);
      await Promise.all([
        client.invalidateQueries({ queryKey: keys.team }),
        client.invalidateQueries({ queryKey: keys.session }),
      ]);
    },
  });
  return (
    <Panel title="Hand the workspace over">
      <div className={classes.invite}>
        <NativeSelect
          label="New owner"
          value={heir?.user_id}
          onChange={(event) => setChosen(event.currentTarget.value)}
          data={others.map((member) => ({ value: member.user_id, label: nameOf(member) }))}
        />
        <Button variant="default" disabled={!heir} onClick={() => setAsking(true)}>
          Hand over
        </Button>
      </div>
      {pages.hasNextPage && <p className="quiet">Nobody further down the team is in the list above yet.</p>}
      <More pages={pages} />
      {wantsProof(handOver.error) && (
        <ProofDialog onProved={() => handOver.mutate()} onClose={() => handOver.reset()} />
      )}
      {asking && heir && !wantsProof(handOver.error) && (
        <Dialog title={`Make ${nameOf(heir)} the owner?`} onClose={() => setAsking(false)}>
          <div className="stack">
            <p>You become a manager. Only {heir.first_name} can make you the owner again.</p>
            <ProblemNote error={handOver.error} />
            <div className="row">
              <Button onClick={() => handOver.mutate()} loading={handOver.isPending}>
                Hand over
              </Button>
              <Button variant="default" onClick={() => setAsking(false)}>
                Cancel
              </Button>
            </div>
          </div>
        </Dialog>
      )}
    </Panel>
  );
}

function Leave() {
  const { workspace } = useSignedIn();
  const [asking, setAsking] = useState(false);
  const leave = useMutation({
    mutationFn: () => answer(api.POST("/api/team/leave")),
    // The session acted in this workspace and ends with the membership.
    onSuccess: () => window.location.assign("/sign-in"),
  });
  return (
    <Panel title="Leave the workspace">
      <p className="quiet">Your leads and calls stay with {workspace.name}. Your account goes on.</p>
      <div>
        <Button variant="default" onClick={() => setAsking(true)}>
          Leave
        </Button>
      </div>
      {asking && (
        <Dialog title={`Leave ${workspace.name}?`} onClose={() => setAsking(false)}>
          <div className="stack">
            <p>You are signed out. To come back you need a new invitation.</p>
            <ProblemNote error={leave.error} />
            <div className="row">
              <Button
                color="red.9"
                onClick={() => leave.mutate()}
                loading={leave.isPending || leave.isSuccess}
              >
                Leave
              </Button>
              <Button variant="default" onClick={() => setAsking(false)}>
                Cancel
              </Button>
            </div>
          </div>
        </Dialog>
      )}
    </Panel>
  );
}
