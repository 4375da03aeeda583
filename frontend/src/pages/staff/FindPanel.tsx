import { Button, Textarea, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { asProblem } from "../../api/problem";
import type { FoundWorkspace } from "../../api/types";
import list from "../../components/List.module.css";
import { Note, ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { useForm } from "../../components/useForm";
import { ROLE_WORDS } from "../team/words";
import classes from "./Staff.module.css";

const REASON_MIN = 15;

/** A workspace is found by something exact, and opened with a reason. */
export function FindPanel() {
  const { values, field } = useForm({ typed: "" });
  const [chosen, setChosen] = useState<FoundWorkspace | null>(null);
  const find = useMutation({
    mutationFn: () => answer(api.POST("/api/staff/workspaces/find", { body: values })),
    onMutate: () => setChosen(null),
  });
  const problem = asProblem(find.error);
  const atField = problem?.code === "search_unclear";
  return (
    <Panel title="Find a workspace">
      <form
        className={classes.find}
        onSubmit={(event) => {
          event.preventDefault();
          if (!find.isPending) find.mutate();
        }}
      >
        <TextInput
          label="Whole workspace id, or whole e-mail of a member"
          autoComplete="off"
          required
          error={atField ? problem.detail : problem?.forField("typed")}
          {...field("typed")}
        />
        <Button type="submit" variant="default" loading={find.isPending}>
          Find
        </Button>
      </form>
      {!atField && problem?.errors.length === 0 && <ProblemNote error={problem} />}
      {find.data?.items.length === 0 && (
        <Note role="status">Nothing has exactly this id or e-mail. There is no list to browse.</Note>
      )}
      {find.data && find.data.items.length > 0 && (
        <table className={list.table}>
          <thead>
            <tr>
              <th scope="col">Workspace</th>
              <th scope="col">Seen as</th>
              <th scope="col">
                <span className="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {find.data.items.map((item) => (
              <tr key={item.workspace_id}>
                <td className={classes.wide}>{item.workspace_name}</td>
                <td>{ROLE_WORDS[item.role].title}</td>
                <td className={list.right}>
                  <Button
                    variant="default"
                    size="compact-sm"
                    onClick={() => setChosen(item)}
                    aria-label={`Look into ${item.workspace_name}`}
                  >
                    Look
                  </Button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {chosen && <BeginForm key={chosen.workspace_id} target={chosen} />}
    </Panel>
  );
}

function BeginForm({ target }: { target: FoundWorkspace }) {
  const { values, field } = useForm({ reason: "", case_reference: "" });
  // It stands in one line of a list.
  const reason = values.reason.replace(/\s+/g, " ").trim();
  const begin = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/staff/looks", {
          body: { workspace_id: target.workspace_id, user_id: target.user_id, ...values, reason },
        }),
      ),
    // A new document: from now on this browser shows what the member sees.
    onSuccess: () => window.location.assign("/calls"),
  });
  const problem = asProblem(begin.error);
  const noCase = problem?.code === "look_case_refused";
  const tooShort = reason.length < REASON_MIN;
  return (
    <form
      className={classes.begin}
      aria-label={`Look into ${target.workspace_name}`}
      onSubmit={(event) => {
        event.preventDefault();
        if (!begin.isPending && !tooShort) begin.mutate();
      }}
    >
      <Textarea
        label="Reason"
        description={`${REASON_MIN} characters or more. The workspace's owner and managers read it, with your first name and what you opened.`}
        autoFocus
        required
        rows={2}
        maxLength={500}
        error={problem?.forField("reason")}
        {...field("reason")}
      />
      <TextInput
        label="Case (optional)"
        description="The reference of an open case (KS-…), or ticket: and its number in the help desk."
        autoComplete="off"
        maxLength={60}
        error={noCase ? problem.detail : problem?.forField("case_reference")}
        {...field("case_reference")}
      />
      {!noCase && problem?.errors.length === 0 && <ProblemNote error={problem} />}
      <Button type="submit" disabled={tooShort} loading={begin.isPending || begin.isSuccess}>
        Look for 30 minutes
      </Button>
    </form>
  );
}
