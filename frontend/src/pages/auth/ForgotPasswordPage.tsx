import { Button, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { answer, api } from "../../api/client";
import { asProblem } from "../../api/problem";
import { Note, ProblemNote } from "../../components/Note";
import { useForm } from "../../components/useForm";
import { AuthFrame } from "./AuthFrame";
import classes from "./AuthFrame.module.css";

export function ForgotPasswordPage() {
  const { values, field } = useForm({ email: "" });
  const ask = useMutation({
    mutationFn: () => answer(api.POST("/api/password/forgot", { body: values })),
  });
  const problem = asProblem(ask.error);
  const atField = problem?.code === "email_invalid";
  return (
    <AuthFrame
      title="Forgot your password?"
      intro="Give the e-mail address of your account. We send a link there with which you choose a new one."
    >
      {ask.isSuccess ? (
        <Note tone="good" role="status" title="Look into your mail">
          If there is an account with {values.email.trim()}, a link is on its way. It works once, within an
          hour. If nothing comes, look into the spam folder and check the address for a typing mistake.
        </Note>
      ) : (
        <form
          className={classes.form}
          onSubmit={(event) => {
            event.preventDefault();
            if (!ask.isPending) ask.mutate();
          }}
        >
          <TextInput
            label="E-mail"
            type="email"
            autoComplete="username"
            required
            error={atField ? problem.detail : problem?.forField("email")}
            {...field("email")}
          />
          {!atField && problem?.errors.length === 0 && <ProblemNote error={problem} />}
          <Button type="submit" loading={ask.isPending}>
            Send the link
          </Button>
        </form>
      )}
      <p className="quiet">
        {ask.isSuccess && (
          <>
            <button type="button" className={classes.textButton} onClick={() => ask.reset()}>
              Use another address
            </button>{" "}
            or{" "}
          </>
        )}
        <Link to="/sign-in">{ask.isSuccess ? "sign in" : "Back to signing in"}</Link>
      </p>
    </AuthFrame>
  );
}
