import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { asProblem } from "../../api/problem";
import { teamQuery } from "../../api/queries";
import type { AppointedRole, Team } from "../../api/types";
import { Changes } from "../../app/Changes";
import { useSignedIn } from "../../app/useSession";
import list from "../../components/List.module.css";
import { More } from "../../components/More";
import { Note, ProblemNote } from "../../components/Note";
import { Page, Panel } from "../../components/Page";
import { Tag } from "../../components/Tag";
import { Waiting } from "../../components/Waiting";
import { onDate } from "../../format/time";
import { ActivityPanel } from "./ActivityPanel";
import { LeavePanel } from "./LeavePanel";
import { LimitsPanel } from "./LimitsPanel";
import { LooksPanel } from "./LooksPanel";
import { MembersTable } from "./MembersTable";
import { PausePanel } from "./PausePanel";
import { QueuePanel } from "./QueuePanel";
import { SpendingPanel } from "./SpendingPanel";
import classes from "./TeamPage.module.css";
import { ROLE_WORDS } from "./words";

export function TeamPage() {
  const { workspace } = useSignedIn();
  const team = useInfiniteQuery(teamQuery);
  return (
    <Page title="Team">
      <ProblemNote error={team.error} />
      {team.isPending && <Waiting lines={6} what="the team" />}
      {team.data && (
        <>
          <Changes>
            <PausePanel />
          </Changes>
          <Panel title={`Members of ${workspace.name}`}>
            <MembersTable team={team.data} />
            <More pages={team} />
          </Panel>
          <Changes>
            {team.data.may_appoint.length > 0 && <InvitePanel team={team.data} />}
            {team.data.may_appoint.length > 0 && <QueuePanel />}
          </Changes>
          {team.data.may_appoint.length > 0 && <SpendingPanel team={team.data} pages={team} />}
          {team.data.may_appoint.length > 0 && <LimitsPanel />}
          <Changes>
            <LeavePanel team={team.data} pages={team} />
          </Changes>
          {team.data.may_appoint.length > 0 && <LooksPanel />}
          {team.data.may_appoint.length > 0 && <ActivityPanel />}
        </>
      )}
    </Page>
  );
}

function InvitePanel({ team }: { team: Team }) {
  const client = useQueryClient();
  const [email, setEmail] = useState("");
  const [chosen, setChosen] = useState<AppointedRole>("rep");
  // What may be given can have changed since it was chosen.
  const role = team.may_appoint.includes(chosen) ? chosen : "rep";
  const invite = useMutation({
    mutationFn: () => answer(api.POST("/api/team/invitations", { body: { email, role } })),
    onSuccess: () => {
      setEmail("");
      return client.invalidateQueries({ queryKey: keys.team });
    },
  });
  const problem = asProblem(invite.error);
  const atField = problem?.code === "email_invalid" || problem?.code === "already_member";
  return (
    <Panel title="Invite somebody">
      <p className="quiet">
        They get an e-mail with a link that is good for 7 days. Nobody joins without proving a phone.
      </p>
      <form
        className={classes.invite}
        onSubmit={(event) => {
          event.preventDefault();
          if (!invite.isPending) invite.mutate();
        }}
      >
        <TextInput
          label="E-mail"
          type="email"
          autoComplete="off"
          required
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
          error={atField ? problem.detail : problem?.forField("email")}
        />
        <NativeSelect
          label="Role"
          value={role}
          onChange={(event) => setChosen(event.currentTarget.value as AppointedRole)}
          data={team.may_appoint.map((each) => ({ value: each, label: ROLE_WORDS[each].title }))}
        />
        <Button type="submit" loading={invite.isPending}>
          Send the invitation
        </Button>
      </form>
      <p className="quiet">
        {ROLE_WORDS[role].title}: {ROLE_WORDS[role].may}.
      </p>
      {!atField && problem?.errors.length === 0 && <ProblemNote error={problem} />}
      {invite.data && (
        <Note tone="good" role="status">
          The invitation to {invite.data.email} is on its way.
        </Note>
      )}
      {team.invitations.length > 0 && <Invitations team={team} />}
    </Panel>
  );
}

function Invitations({ team }: { team: Team }) {
  const client = useQueryClient();
  const takeBack = useMutation({
    mutationFn: (id: string) =>
      answer(
        api.DELETE("/api/team/invitations/{invitation_id}", { params: { path: { invitation_id: id } } }),
      ),
    onSettled: () => client.invalidateQueries({ queryKey: keys.team }),
  });
  return (
    <>
      <h3>Not accepted yet</h3>
      <ProblemNote error={takeBack.error} />
      <table className={list.table}>
        <thead>
          <tr>
            <th scope="col">E-mail</th>
            <th scope="col" className={list.minor}>
              Good until
            </th>
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {team.invitations.map((invitation) => (
            <tr key={invitation.id}>
              <td className={classes.name}>
                {invitation.email} {!invitation.sent && <Tag>Being sent</Tag>}
                <div className={list.under}>{ROLE_WORDS[invitation.role].title}</div>
              </td>
              <td className={`num ${list.minor}`}>{onDate(invitation.expires_at)}</td>
              <td className={list.right}>
                <Button
                  variant="default"
                  size="compact-sm"
                  onClick={() => takeBack.mutate(invitation.id)}
                  loading={takeBack.isPending && takeBack.variables === invitation.id}
                  aria-label={`Take back the invitation to ${invitation.email}`}
                >
                  Take back
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
