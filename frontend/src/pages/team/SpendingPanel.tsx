import { Button, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { asProblem } from "../../api/problem";
import { spendingQuery } from "../../api/queries";
import type { Member, MemberSpending, Team } from "../../api/types";
import { Changes } from "../../app/Changes";
import { Dialog } from "../../components/Dialog";
import list from "../../components/List.module.css";
import { More, type Pages } from "../../components/More";
import { Note, ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { Waiting } from "../../components/Waiting";
import { typedMcredits } from "../../format/amount";
import { creditNumber } from "../../format/credits";
import { nameOf } from "./MembersTable";
import classes from "./TeamPage.module.css";

const MCREDITS = 1000;

/** What each member has spent this month, and may. */
export function SpendingPanel({ team, pages }: { team: Team; pages: Pages }) {
  const spending = useQuery(spendingQuery);
  const [capping, setCapping] = useState<Member | null>(null);
  const of = new Map(spending.data?.items.map((item) => [item.user_id, item]));
  return (
    <Panel title="Spending this month">
      <p className="quiet">
        In credits. A monthly limit keeps one member from using up what everybody shares. It begins anew on
        the first, UTC.
      </p>
      <ProblemNote error={spending.error} />
      {spending.isPending && <Waiting lines={3} what="the spending" />}
      {spending.data && (
        <table className={list.table}>
          <thead>
            <tr>
              <th scope="col">Member</th>
              <th scope="col" className={list.right}>
                Spent
              </th>
              <th scope="col" className={list.right}>
                Limit
              </th>
              <th scope="col">
                <span className="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {team.members.map((member) => (
              <Row
                key={member.user_id}
                member={member}
                spent={of.get(member.user_id)}
                onCap={() => setCapping(member)}
              />
            ))}
          </tbody>
        </table>
      )}
      <More pages={pages} />
      {capping && (
        <CapDialog
          member={capping}
          now={of.get(capping.user_id)?.monthly_cap_mcredits ?? null}
          onClose={() => setCapping(null)}
        />
      )}
    </Panel>
  );
}

function Row({
  member,
  spent,
  onCap,
}: {
  member: Member;
  spent: MemberSpending | undefined;
  onCap: () => void;
}) {
  const cap = spent?.monthly_cap_mcredits ?? null;
  return (
    <tr>
      <td className={classes.name}>{nameOf(member)}</td>
      <td className={list.right}>{creditNumber(spent?.spent_mcredits ?? 0)}</td>
      <td className={list.right}>{cap === null ? "None" : creditNumber(cap)}</td>
      <td className={list.right}>
        <Changes>
          {member.may_change && (
            <Button
              variant="subtle"
              size="compact-sm"
              onClick={onCap}
              aria-label={`Change the limit of ${nameOf(member)}`}
            >
              Change
            </Button>
          )}
        </Changes>
      </td>
    </tr>
  );
}

function CapDialog({ member, now, onClose }: { member: Member; now: number | null; onClose: () => void }) {
  const client = useQueryClient();
  const [typed, setTyped] = useState(now === null ? "" : String(now / MCREDITS));
  const amount = typedMcredits(typed);
  const wrong = amount === undefined;
  const cap = useMutation({
    mutationFn: () =>
      answer(
        api.PUT("/api/team/members/{user_id}/cap", {
          params: { path: { user_id: member.user_id } },
          body: { monthly_cap_mcredits: amount ?? null },
        }),
      ),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.team });
      onClose();
    },
  });
  const problem = asProblem(cap.error);
  return (
    <Dialog title={`What ${nameOf(member)} may spend a month`} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!wrong && !cap.isPending) cap.mutate();
        }}
      >
        <TextInput
          label="Limit, in credits"
          description="Leave it empty for no limit; 0 allows nothing."
          inputMode="decimal"
          autoFocus
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          error={wrong ? "Write a number, such as 50." : problem?.forField("monthly_cap_mcredits")}
        />
        <Note>It holds from the next call or question on. A call that goes on is not cut short.</Note>
        {problem?.errors.length === 0 && <ProblemNote error={problem} />}
        <div className="row">
          <Button type="submit" loading={cap.isPending}>
            Save
          </Button>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
