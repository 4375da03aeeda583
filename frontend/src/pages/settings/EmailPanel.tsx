import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { asProblem } from "../../api/problem";
import { waysInQuery } from "../../api/queries";
import { useSignedIn } from "../../app/useSession";
import { Note, ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { Tag } from "../../components/Tag";
import { atTime } from "../../format/time";
import classes from "./SettingsPage.module.css";

/** The account's address: whether it is confirmed, and another one. */
export function EmailPanel() {
  const { user } = useSignedIn();
  const [asked, setAsked] = useState<string | null>(null);
  const [changing, setChanging] = useState(false);
  return (
    <Panel
      title="E-mail address"
      aside={
        !changing && (
          <Button
            variant="default"
            size="compact-sm"
            onClick={() => {
              setAsked(null);
              setChanging(true);
            }}
          >
            Change it
          </Button>
        )
      }
    >
      <p>
        {user.email}{" "}
        {user.email_verified ? <Tag tone="good">Confirmed</Tag> : <Tag tone="warn">Not confirmed</Tag>}
      </p>
      {!user.email_verified && <Resend />}
      {asked !== null && (
        <Note tone="good" role="status">
          We sent a link to {asked}. Your address stays as it is until you press the button there, within 24
          hours; then all other browsers are signed out.
        </Note>
      )}
      {changing && (
        <NewAddress
          onAsked={(email) => {
            setAsked(email);
            setChanging(false);
          }}
          onCancel={() => setChanging(false)}
        />
      )}
    </Panel>
  );
}

function Resend() {
  const send = useMutation({ mutationFn: () => answer(api.POST("/api/email/send")) });
  return (
    <>
      <p className="quiet">
        Press the button in our mail, and have it sent if you have none; a new mobile number asks for it
        again. Before that you can invite nobody.
      </p>
      {send.isSuccess && <Note role="status">The mail is on its way. Look into your spam folder too.</Note>}
      <ProblemNote error={send.error} />
      {!send.isSuccess && (
        <div className="row">
          <Button variant="default" size="compact-sm" onClick={() => send.mutate()} loading={send.isPending}>
            Send the mail
          </Button>
        </div>
      )}
    </>
  );
}

// Refusals that are about what was typed stand below its field.
const AT_ADDRESS = new Set(["email_invalid", "email_same"]);
const AT_CODE = new Set(["otp_wrong", "otp_expired", "otp_too_many"]);

function NewAddress({ onAsked, onCancel }: { onAsked: (email: string) => void; onCancel: () => void }) {
  const ways = useQuery(waysInQuery);
  const hasPassword = ways.data?.has_password !== false;
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const text = useMutation({
    mutationFn: () =>
      answer(api.POST("/api/email/code", { body: { present: hasPassword ? password : undefined } })),
  });
  const begin = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/email/change", {
          body: { email, present: hasPassword ? password : undefined, code: code.replaceAll(/\s/g, "") },
        }),
      ),
    onSuccess: () => onAsked(email.trim()),
  });
  const problem = asProblem(begin.error) ?? asProblem(text.error);
  const at = (codes: Set<string>, field: string) =>
    problem && codes.has(problem.code) ? problem.detail : problem?.forField(field);
  const errors = {
    email: at(AT_ADDRESS, "email"),
    present: at(new Set(["password_wrong"]), "present"),
    code: at(AT_CODE, "code"),
  };
  const elsewhere = problem && !errors.email && !errors.present && !errors.code;
  return (
    <form
      className={classes.form}
      aria-label="New e-mail address"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.data ? !begin.isPending : !text.isPending) (text.data ? begin : text).mutate();
      }}
    >
      <p className="quiet">
        Your phone gets a code, then the new address a link. Your old address is told, and can take itself
        back within a week.
      </p>
      <TextInput
        label="New e-mail address"
        type="email"
        autoComplete="email"
        required
        autoFocus
        maxLength={254}
        value={email}
        onChange={(event) => setEmail(event.currentTarget.value)}
        error={errors.email}
      />
      {hasPassword && (
        <PasswordInput
          label="Your password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          error={errors.present}
        />
      )}
      {text.data && (
        <TextInput
          label="Code from your phone"
          description={`We sent a code to ${text.data.mobile_e164}. It can be used until ${atTime(text.data.expires_at)}.`}
          inputMode="numeric"
          autoComplete="one-time-code"
          maxLength={10}
          required
          autoFocus
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
          error={errors.code}
        />
      )}
      {elsewhere && <ProblemNote error={problem} />}
      <div className="row">
        <Button type="submit" loading={text.isPending || begin.isPending}>
          {text.data ? "Send the link" : "Text me a code"}
        </Button>
        {text.data && (
          <Button
            variant="default"
            onClick={() => {
              begin.reset();
              text.mutate();
            }}
            loading={text.isPending}
            disabled={text.data.resends_left <= 0}
          >
            Send another code
          </Button>
        )}
        <Button variant="subtle" onClick={onCancel}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
