import { Button, NativeSelect } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import type { AppointedRole, Member, Team } from "../../api/types";
import { useInLook } from "../../app/useSession";
import { Dialog } from "../../components/Dialog";
import list from "../../components/List.module.css";
import { ProblemNote } from "../../components/Note";
import { Tag } from "../../components/Tag";
import { onDate } from "../../format/time";
import classes from "./TeamPage.module.css";
import { ROLE_WORDS } from "./words";

export function MembersTable({ team }: { team: Team }) {
  const client = useQueryClient();
  const inLook = useInLook();
  const [leaving, setLeaving] = useState<Member | null>(null);
  const change = useMutation({
    mutationFn: ({ member, role }: { member: Member; role: AppointedRole }) =>
      answer(
        api.PATCH("/api/team/members/{user_id}", {
          params: { path: { user_id: member.user_id } },
          body: { role },
        }),
      ),
    onSettled: () => client.invalidateQueries({ queryKey: keys.team }),
  });
  return (
    <>
      <ProblemNote error={change.error} />
      <table className={list.table}>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Role</th>
            <th scope="col" className={list.minor}>
              Joined
            </th>
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {team.members.map((member) => (
            <tr key={member.user_id}>
              <td className={classes.name}>
                <strong>{nameOf(member)}</strong> {member.is_self && <Tag tone="accent">You</Tag>}
                {member.email && <div className={list.under}>{member.email}</div>}
              </td>
              <td>
                {member.may_change && team.may_appoint.length > 1 && !inLook ? (
                  <NativeSelect
                    aria-label={`Role of ${nameOf(member)}`}
                    className={classes.role}
                    size="xs"
                    value={member.role}
                    onChange={(event) => {
                      const role = event.currentTarget.value as AppointedRole;
                      // Left enabled, so that the keyboard stays where it is.
                      if (!change.isPending) change.mutate({ member, role });
                    }}
                    data={team.may_appoint.map((each) => ({ value: each, label: ROLE_WORDS[each].title }))}
                  />
                ) : (
                  ROLE_WORDS[member.role].title
                )}
              </td>
              <td className={`num ${list.minor}`}>{onDate(member.joined_at)}</td>
              <td className={list.right}>
                {member.may_change && !inLook && (
                  <Button
                    variant="subtle"
                    size="compact-sm"
                    onClick={() => setLeaving(member)}
                    aria-label={`Remove ${nameOf(member)}`}
                  >
                    Remove
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {team.members.length === 1 && (
        <p className="quiet">You are alone here. Colleagues whom you invite share its leads and credits.</p>
      )}
      {leaving && <RemoveDialog member={leaving} onClose={() => setLeaving(null)} />}
    </>
  );
}

function RemoveDialog({ member, onClose }: { member: Member; onClose: () => void }) {
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () =>
      answer(api.DELETE("/api/team/members/{user_id}", { params: { path: { user_id: member.user_id } } })),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.team });
      onClose();
    },
  });
  return (
    <Dialog title={`Remove ${nameOf(member)}?`} onClose={onClose}>
      <div className="stack">
        <p>
          {member.first_name} is signed out of this workspace within seconds. Leads, calls and their text stay
          with the workspace. To come back, {member.first_name} needs a new invitation.
        </p>
        <ProblemNote error={remove.error} />
        <div className="row">
          <Button color="red.9" onClick={() => remove.mutate()} loading={remove.isPending}>
            Remove
          </Button>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

export function nameOf(member: Member): string {
  return `${member.first_name} ${member.last_name}`;
}
