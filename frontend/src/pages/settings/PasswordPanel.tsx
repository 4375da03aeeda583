import { Button, PasswordInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { asProblem } from "../../api/problem";
import { waysInQuery } from "../../api/queries";
import { useSignedIn } from "../../app/useSession";
import { Note, ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { useForm } from "../../components/useForm";
import { Waiting } from "../../components/Waiting";
import classes from "./SettingsPage.module.css";

const FIELD_OF_CODE: Record<string, string> = { password_wrong: "present", weak_password: "password" };

export function PasswordPanel() {
  const ways = useQuery(waysInQuery);
  return (
    <Panel title="Password">
      <ProblemNote error={ways.error} />
      {ways.isPending && <Waiting lines={3} what="your password" />}
      {ways.data && (ways.data.has_password ? <ChangeForm /> : <NoPassword />)}
    </Panel>
  );
}

/** For who has always come in through a provider: the mail that replaces a forgotten password sets a first one too. */
function NoPassword() {
  const { user } = useSignedIn();
  const ask = useMutation({
    mutationFn: () => answer(api.POST("/api/password/forgot", { body: { email: user.email } })),
  });
  return (
    <div className={classes.form}>
      <p>You have no password. With one you can sign in without a provider.</p>
      <ProblemNote error={ask.error} />
      {ask.isSuccess ? (
        <Note tone="good" role="status">
          A link is on its way to {user.email}. It sets your password and signs you out everywhere.
        </Note>
      ) : (
        <Button variant="default" onClick={() => ask.mutate()} loading={ask.isPending}>
          Mail me a link to set one
        </Button>
      )}
    </div>
  );
}

function ChangeForm() {
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
  );
}
