import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { staffPeopleQuery } from "../../api/staffQueries";
import type { StaffMember } from "../../api/types";
import { Dialog } from "../../components/Dialog";
import list from "../../components/List.module.css";
import { ProblemNote } from "../../components/Note";
import { Page, Panel } from "../../components/Page";
import { Tag } from "../../components/Tag";
import { Waiting } from "../../components/Waiting";
import { when } from "../../format/time";
import { STAFF_ROLE_WORDS } from "../team/lookWords";
import classes from "./Staff.module.css";

const STATE_WORDS: Record<StaffMember["state"], string> = {
  invited: "Not set up yet",
  active: "Active",
  disabled: "Disabled",
};

/** Who of us may come in, as what, and when they last did. */
export function PeoplePage() {
  const people = useQuery(staffPeopleQuery);
  const [leaving, setLeaving] = useState<StaffMember | null>(null);
  const now = new Date();
  return (
    <Page title="People">
      <Panel title="Who may come in here">
        <p className="quiet">
          Whoever runs the server adds and resets people with <code>manage.py staff</code>.
        </p>
        <ProblemNote error={people.error} />
        {people.isPending && <Waiting lines={4} what="the people" />}
        {people.data && (
          <table className={list.table}>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Last use</th>
                <th scope="col">
                  <span className="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {people.data.items.map((member) => (
                <tr key={member.id}>
                  <td className={classes.wide}>
                    <strong>{member.first_name}</strong> {member.is_self && <Tag tone="accent">You</Tag>}
                    {member.state !== "active" && <Tag>{STATE_WORDS[member.state]}</Tag>}
                    <div className={list.under}>
                      {STAFF_ROLE_WORDS[member.role]} · {member.email}
                    </div>
                    {member.state === "active" && (
                      <div className={list.under}>{member.recovery_codes_left} recovery codes left</div>
                    )}
                  </td>
                  <td className="num">{member.last_used_at ? when(member.last_used_at, now) : "Never"}</td>
                  <td className={list.right}>
                    {member.state !== "disabled" && !member.is_self && (
                      <Button
                        variant="subtle"
                        size="compact-sm"
                        onClick={() => setLeaving(member)}
                        aria-label={`Disable ${member.first_name}`}
                      >
                        Disable
                      </Button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Panel>
      {leaving && <DisableDialog member={leaving} onClose={() => setLeaving(null)} />}
    </Page>
  );
}

function DisableDialog({ member, onClose }: { member: StaffMember; onClose: () => void }) {
  const client = useQueryClient();
  const disable = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/staff/people/{member_id}/disable", { params: { path: { member_id: member.id } } }),
      ),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.staff.people });
      onClose();
    },
  });
  return (
    <Dialog title={`Disable ${member.first_name}?`} onClose={onClose}>
      <div className="stack">
        <p>
          Every session and look of {member.first_name} ends now. To come back, {member.first_name} needs a
          new link from whoever runs the server.
        </p>
        <ProblemNote error={disable.error} />
        <div className="row">
          <Button color="red.9" onClick={() => disable.mutate()} loading={disable.isPending}>
            Disable
          </Button>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
