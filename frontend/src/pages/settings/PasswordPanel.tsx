import { Button, PasswordInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { asProblem } from "../../api/problem";
import { Note, ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { useForm } from "../../components/useForm";
import classes from "./SettingsPage.module.css";

const FIELD_OF_CODE: Record<string, string> = { password_wrong: "present", weak_password: "password" };

export function PasswordPanel() {
  const client = useQueryClient();
  const { values, field, setValues } = useForm({ present: "", password: "" });
  const change = useMutation({
    mutationFn: () => answer(api.POST("/api/password", { body: values })),
    onSuccess: () => {
      setValues({ present: "", password: "" });
      return client.invalidateQueries({ queryKey: keys.devices });
    },
  });
  const problem = asProblem(change.error);
  const atField = problem && FIELD_OF_CODE[problem.code];
  const wrong = (name: string) => (atField === name ? problem?.detail : problem?.forField(name));
  return (
    <Panel title="Password">
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (!change.isPending) change.mutate();
        }}
      >
        <PasswordInput
          label="Present password"
          autoComplete="current-password"
          required
          error={wrong("present")}
          {...field("present")}
        />
        <PasswordInput
          label="New password"
          description="10 characters or more"
          autoComplete="new-password"
          required
          error={wrong("password")}
          {...field("password")}
        />
        {!atField && problem?.errors.length === 0 && <ProblemNote error={problem} />}
        {change.isSuccess && (
          <Note tone="good" role="status">
            Your password is changed, and all other browsers are signed out.
          </Note>
        )}
        <Button type="submit" variant="default" loading={change.isPending}>
          Change the password
        </Button>
      </form>
    </Panel>
  );
}
