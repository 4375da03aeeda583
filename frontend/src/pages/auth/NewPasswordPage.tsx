import { Button, PasswordInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { answer, api } from "../../api/client";
import { asProblem } from "../../api/problem";
import { Note, ProblemNote } from "../../components/Note";
import { useForm } from "../../components/useForm";
import { Waiting } from "../../components/Waiting";
import { AuthFrame } from "./AuthFrame";
import classes from "./AuthFrame.module.css";
import { useLinkToken } from "./useLinkToken";

/** Where the mailed link leads. What makes it good stands after the #, which no server ever sees. */
export function NewPasswordPage() {
  const client = useQueryClient();
  const token = useLinkToken();
  const { values, field } = useForm({ password: "" });
  // Nobody thinks of a password for a link that takes none. Under no key that others use, and forgotten with the page.
  const seen = useQuery({
    queryKey: ["reset-link", token],
    queryFn: async ({ signal }) => {
      await answer(api.POST("/api/password/link", { body: { token }, signal }));
      return true;
    },
    enabled: token !== "",
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    gcTime: 0,
  });
  const choose = useMutation({
    mutationFn: () => answer(api.POST("/api/password/reset", { body: { token, password: values.password } })),
    // Whoever was signed in here is not any more.
    onSuccess: () => client.clear(),
  });
  const problem = asProblem(choose.error);
  const atField = problem?.code === "weak_password";
  const dead = [seen.error, choose.error].some((error) => asProblem(error)?.code === "reset_link_invalid");
  if (choose.isSuccess) {
    return (
      <AuthFrame title="Your password is changed">
        <Note tone="good" role="status">
          All browsers were signed out. Sign in with the new password; your phone is asked for a code as
          always.
        </Note>
        <Button component={Link} to="/sign-in">
          Sign in
        </Button>
      </AuthFrame>
    );
  }
  if (token === "" || dead) {
    return (
      <AuthFrame title="This link cannot be used">
        <Note tone="warn" role="alert">
          {token === ""
            ? "The address is not complete. Open the link in the mail again, or copy all of it."
            : "It was used already, is older than an hour, or the account has a newer password."}
        </Note>
        <Button component={Link} to="/forgot-password">
          Ask for a new link
        </Button>
      </AuthFrame>
    );
  }
  if (seen.error) {
    return (
      <AuthFrame title="Choose a new password">
        <ProblemNote error={seen.error} action={<Button onClick={() => seen.refetch()}>Try again</Button>} />
      </AuthFrame>
    );
  }
  if (!seen.data) {
    return (
      <AuthFrame title="Choose a new password">
        <Waiting lines={3} what="the link" />
      </AuthFrame>
    );
  }
  return (
    <AuthFrame title="Choose a new password" intro="All browsers that are signed in are signed out with it.">
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (!choose.isPending) choose.mutate();
        }}
      >
        <PasswordInput
          label="New password"
          description="10 characters or more"
          autoComplete="new-password"
          autoFocus
          required
          error={atField ? problem.detail : problem?.forField("password")}
          {...field("password")}
        />
        {!atField && problem?.errors.length === 0 && <ProblemNote error={problem} />}
        <Button type="submit" loading={choose.isPending}>
          Change the password
        </Button>
      </form>
    </AuthFrame>
  );
}
