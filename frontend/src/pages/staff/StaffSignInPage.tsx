import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { ProblemNote } from "../../components/Note";
import { useForm } from "../../components/useForm";
import { AuthFrame } from "../auth/AuthFrame";
import classes from "../auth/AuthFrame.module.css";

/** The entrance of our own people: all three at once, so that no answer tells which of them was right. */
export function StaffSignInPage() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const { values, field, setValues } = useForm({ email: "", password: "", code: "" });
  const enter = useMutation({
    mutationFn: () => answer(api.POST("/api/staff/signin", { body: values })),
    onSuccess: async (session) => {
      client.clear();
      client.setQueryData(keys.staff.session, session);
      await navigate({ to: "/staff" });
    },
    // A code works once, so it is typed anew.
    onError: () => setValues((now) => ({ ...now, code: "" })),
  });
  return (
    <AuthFrame
      title="Staff sign-in"
      intro={
        <>
          For people of Klosesales. Customers <a href="/sign-in">sign in here</a>.
        </>
      }
    >
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (!enter.isPending) enter.mutate();
        }}
      >
        <TextInput label="E-mail" type="email" autoComplete="username" required {...field("email")} />
        <PasswordInput label="Password" autoComplete="current-password" required {...field("password")} />
        <TextInput
          label="Code"
          description="Six digits from your authenticator app, or a recovery code"
          autoComplete="one-time-code"
          required
          {...field("code")}
        />
        <ProblemNote error={enter.error} />
        <Button type="submit" loading={enter.isPending}>
          Sign in
        </Button>
      </form>
    </AuthFrame>
  );
}
