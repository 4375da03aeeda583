import { Button, CopyButton, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { asProblem } from "../../api/problem";
import { enrolmentQuery } from "../../api/staffQueries";
import { Note, ProblemNote } from "../../components/Note";
import { useForm } from "../../components/useForm";
import { Waiting } from "../../components/Waiting";
import { AuthFrame } from "../auth/AuthFrame";
import frame from "../auth/AuthFrame.module.css";
import { useLinkToken } from "../auth/useLinkToken";
import { STAFF_ROLE_WORDS } from "../team/lookWords";
import classes from "./Staff.module.css";

/** Where the one-time link leads: a password, and the authenticator app. */
export function EnrolPage() {
  const token = useLinkToken();
  const client = useQueryClient();
  const seen = useQuery(enrolmentQuery(token));
  const { values, field, setValues } = useForm({ password: "", code: "" });
  const enrol = useMutation({
    mutationFn: () => answer(api.POST("/api/staff/enrolment", { body: { token, ...values } })),
    // What the page held of the secret is forgotten with the link.
    onSuccess: () => client.removeQueries({ queryKey: keys.staff.enrolment(token) }),
    onError: () => setValues((now) => ({ ...now, code: "" })),
  });
  const problem = asProblem(enrol.error);
  if (enrol.data) return <RecoveryCodes codes={enrol.data.codes} />;
  if (token === "" || seen.error || problem?.code === "enrolment_invalid") {
    return (
      <AuthFrame title="This link cannot be used">
        <Note tone="warn" role="alert">
          {token === ""
            ? "The address is not complete. Copy all of the link."
            : (asProblem(seen.error)?.detail ?? problem?.detail)}
        </Note>
        <Button component={Link} to="/staff/sign-in" variant="default">
          Go to the staff sign-in
        </Button>
      </AuthFrame>
    );
  }
  if (!seen.data) {
    return (
      <AuthFrame title="Set up your way in">
        <Waiting lines={6} what="what your app needs" />
      </AuthFrame>
    );
  }
  const { email, first_name, role, secret, picture } = seen.data;
  const weak = problem?.code === "weak_password";
  const wrong = problem?.code === "enrolment_code_wrong";
  return (
    <AuthFrame
      title="Set up your way in"
      intro={`${first_name}, ${STAFF_ROLE_WORDS[role].toLowerCase()} · ${email}`}
    >
      <form
        className={frame.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (!enrol.isPending) enrol.mutate();
        }}
      >
        <PasswordInput
          label="New password"
          description="10 characters or more"
          autoComplete="new-password"
          required
          error={weak ? problem.detail : problem?.forField("password")}
          {...field("password")}
        />
        <div className={classes.scan}>
          <img className={classes.picture} src={picture} alt="QR code for your authenticator app" />
          <div className="stack">
            <p>
              Scan this with an authenticator app on your phone. It then shows a new code every 30 seconds.
            </p>
            <p className="quiet">
              Cannot scan? Type this into the app: <code className={classes.secret}>{secret}</code>
            </p>
          </div>
        </div>
        <TextInput
          label="Code that the app shows"
          autoComplete="one-time-code"
          inputMode="numeric"
          required
          error={wrong ? problem.detail : problem?.forField("code")}
          {...field("code")}
        />
        {!weak && !wrong && problem?.errors.length === 0 && <ProblemNote error={problem} />}
        <Button type="submit" loading={enrol.isPending}>
          Set up
        </Button>
      </form>
    </AuthFrame>
  );
}

function RecoveryCodes({ codes }: { codes: string[] }) {
  return (
    <AuthFrame
      title="Keep your recovery codes"
      intro="Each opens the entrance once if you lose the app. They are shown this once and kept nowhere."
    >
      <ul className={classes.codes} aria-label="Recovery codes">
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <div className="row">
        <CopyButton value={codes.join("\n")}>
          {({ copied, copy }) => (
            <Button variant="default" onClick={copy}>
              {copied ? "Copied" : "Copy all"}
            </Button>
          )}
        </CopyButton>
        <Button component={Link} to="/staff/sign-in">
          I have them; sign in
        </Button>
      </div>
    </AuthFrame>
  );
}
