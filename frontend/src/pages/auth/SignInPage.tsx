import { Button, PasswordInput, TextInput } from "@mantine/core";
import { Link, useSearch } from "@tanstack/react-router";
import { answer, api } from "../../api/client";
import { ProblemNote } from "../../components/Note";
import { useForm } from "../../components/useForm";
import { AuthFrame } from "./AuthFrame";
import classes from "./AuthFrame.module.css";
import { SocialButtons } from "./SocialButtons";
import { useEnter } from "./useEnter";

export function SignInPage() {
  const search = useSearch({ from: "/guest" });
  const { values, field } = useForm({ email: "", password: "" });
  const enter = useEnter(search.next, (form: typeof values) =>
    answer(api.POST("/api/signin", { body: form })),
  );
  return (
    <AuthFrame title="Sign in" intro="We send a one-time code to your phone at every sign-in.">
      <SocialButtons intent="sign_in" next={search.next} refused={search.refused} by={search.by} />
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (!enter.isPending) enter.mutate(values);
        }}
      >
        <TextInput label="E-mail" type="email" autoComplete="username" required {...field("email")} />
        <PasswordInput label="Password" autoComplete="current-password" required {...field("password")} />
        <ProblemNote error={enter.error} />
        <Button type="submit" loading={enter.isPending}>
          Sign in
        </Button>
      </form>
      <p className="quiet">
        <Link to="/forgot-password">Forgot your password?</Link>
      </p>
      <p className="quiet">
        New here?{" "}
        <Link to="/sign-up" search={{ next: search.next }}>
          Create an account
        </Link>
      </p>
      <p className="quiet">
        Were you called? <Link to="/my-data">See what is held about your number</Link>
      </p>
    </AuthFrame>
  );
}
