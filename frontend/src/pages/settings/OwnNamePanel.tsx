import { Button, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { keepAnswer } from "../../api/keepAnswer";
import { keys } from "../../api/keys";
import { asProblem } from "../../api/problem";
import type { Session } from "../../api/types";
import { Note, ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { useForm } from "../../components/useForm";
import classes from "./SettingsPage.module.css";

/** What colleagues call the person, in every workspace. */
export function OwnNamePanel({ user }: { user: NonNullable<Session["user"]> }) {
  const client = useQueryClient();
  const { values, field } = useForm({ first_name: user.first_name, last_name: user.last_name });
  const change = useMutation({
    mutationFn: () => answer(api.PATCH("/api/account/name", { body: values })),
    onSuccess: (session) => keepAnswer(client, keys.session, session),
  });
  const problem = asProblem(change.error);
  const same = values.first_name.trim() === user.first_name && values.last_name.trim() === user.last_name;
  return (
    <Panel title="Your name">
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (!change.isPending) change.mutate();
        }}
      >
        <TextInput
          label="First name"
          autoComplete="given-name"
          required
          maxLength={80}
          error={problem?.forField("first_name")}
          {...field("first_name")}
        />
        <TextInput
          label="Last name"
          autoComplete="family-name"
          required
          maxLength={80}
          error={problem?.forField("last_name")}
          {...field("last_name")}
        />
        {problem?.errors.length === 0 && <ProblemNote error={problem} />}
        {change.isSuccess && same && (
          <Note tone="good" role="status">
            Kept. Your colleagues read it wherever your name stands.
          </Note>
        )}
        <Button
          type="submit"
          variant="default"
          loading={change.isPending}
          disabled={same || values.first_name.trim() === "" || values.last_name.trim() === ""}
        >
          Keep
        </Button>
      </form>
    </Panel>
  );
}
