import { Button, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { keepAnswer } from "../../api/keepAnswer";
import { keys } from "../../api/keys";
import { asProblem } from "../../api/problem";
import { ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import classes from "./SettingsPage.module.css";

/** What members and invited people call the workspace; for its owner. */
export function NamePanel({ name }: { name: string }) {
  const client = useQueryClient();
  const [typed, setTyped] = useState(name);
  const rename = useMutation({
    mutationFn: () => answer(api.PATCH("/api/workspace", { body: { name: typed } })),
    onSuccess: (session) => {
      keepAnswer(client, keys.session, session);
      return client.invalidateQueries({ queryKey: keys.workspaces });
    },
  });
  const problem = asProblem(rename.error);
  return (
    <Panel title="Workspace">
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (!rename.isPending) rename.mutate();
        }}
      >
        <TextInput
          label="Name"
          description="Whom you invite reads it in the mail."
          required
          maxLength={120}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          error={problem?.forField("name")}
        />
        {problem?.errors.length === 0 && <ProblemNote error={problem} />}
        <Button
          type="submit"
          variant="default"
          loading={rename.isPending}
          disabled={typed.trim() === "" || typed.trim() === name}
        >
          Rename
        </Button>
      </form>
    </Panel>
  );
}
