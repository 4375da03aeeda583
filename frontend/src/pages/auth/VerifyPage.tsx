import { Button, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useRouter, useSearch } from "@tanstack/react-router";
import { useEffect } from "react";
import { answer, api } from "../../api/client";
import { keepAnswer } from "../../api/keepAnswer";
import { keys } from "../../api/keys";
import { asProblem } from "../../api/problem";
import { sessionQuery } from "../../api/queries";
import { safeNext } from "../../app/safeNext";
import { NoText } from "../../components/NoText";
import { Note, ProblemNote } from "../../components/Note";
import { TextRisk } from "../../components/TextRisk";
import { useForm } from "../../components/useForm";
import { atTime } from "../../format/time";
import { AllowTexts } from "./AllowTexts";
import { AuthFrame } from "./AuthFrame";
import classes from "./AuthFrame.module.css";
import { otpKey, useSendCode } from "./useEnter";

const CHECK = ["check-code"];

// Why a person who has an account is asked once more.
const CONSENT_WORDS = {
  sms_consent_missing: {
    title: "Text messages are stopped",
    why: "You have stopped text messages, and signing in needs one.",
  },
  sms_consent_new_number: {
    title: "Your number is new",
    why: "Support gave your account another mobile number. Signing in needs a text message to it.",
  },
};

interface Sent {
  mobile_e164: string;
  expires_at: string;
  resends_left: number;
}

export function VerifyPage() {
  const client = useQueryClient();
  const router = useRouter();
  const search = useSearch({ from: "/guest" });
  const { data: session } = useQuery(sessionQuery);
  const { data: sent } = useQuery<Sent | { error: unknown } | null>({
    queryKey: otpKey,
    queryFn: () => client.getQueryData<Sent>(otpKey) ?? null,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const send = useSendCode();
  const navigate = useNavigate();
  const { next, send: wanted } = search;
  useEffect(() => {
    if (!wanted) return;
    // Once: a page that is loaded again sends no second code.
    void navigate({ to: "/verify", search: { next }, replace: true });
    if (client.isMutating({ mutationKey: otpKey }) === 0) send.mutate();
  }, [wanted, next, navigate, client, send.mutate]);
  const { values, field } = useForm({ code: "" });
  const check = useMutation({
    mutationKey: CHECK,
    mutationFn: () =>
      answer(api.POST("/api/otp/check", { body: { code: values.code.replaceAll(/\s/g, "") } })),
    onSuccess: (next) => {
      client.removeQueries({ queryKey: otpKey });
      keepAnswer(client, keys.session, next);
      router.history.replace(safeNext(search.next));
    },
  });
  const problem = asProblem(check.error);
  const leave = useMutation({
    mutationFn: () => answer(api.POST("/api/signout")),
    onSuccess: () => window.location.assign("/sign-in"),
  });
  const code = sent && !("error" in sent) ? sent : null;
  const mobile = code?.mobile_e164 ?? session?.user?.mobile_e164 ?? "your phone";
  const refused = [send.error, check.error, sent && "error" in sent ? sent.error : null].map(asProblem);
  const unasked = code ? undefined : refused.find((each) => each && each.code in CONSENT_WORDS)?.code;
  const another = (
    <Button variant="subtle" onClick={() => leave.mutate()} loading={leave.isPending}>
      Use another account
    </Button>
  );
  if (unasked) {
    const words = CONSENT_WORDS[unasked as keyof typeof CONSENT_WORDS];
    return (
      <AuthFrame title={words.title}>
        <AllowTexts
          why={words.why}
          onAllowed={() => {
            // What was refused before is settled; what fails now is said beside the code.
            keepAnswer(client, otpKey, null);
            check.reset();
            send.mutate();
          }}
        />
        <div className="row">{another}</div>
      </AuthFrame>
    );
  }
  return (
    <AuthFrame
      title="Enter the code"
      intro={
        code ? `We sent a code to ${mobile}. It can be used until ${atTime(code.expires_at)}.` : undefined
      }
    >
      {!code && (
        <Note>The code goes to {mobile}. If you have none yet, or it has expired, send one below.</Note>
      )}
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          // The cache knows of the first of two presses before this component is drawn again.
          if (client.isMutating({ mutationKey: CHECK }) === 0) check.mutate();
        }}
      >
        <TextInput
          className={classes.code}
          label="Code"
          inputMode="numeric"
          autoComplete="one-time-code"
          maxLength={10}
          autoFocus
          required
          error={problem?.forField("code")}
          {...field("code")}
        />
        {problem?.errors.length === 0 && <ProblemNote error={problem} />}
        {problem?.code === "otp_too_many" && code && (
          <Note>Another code can be sent at {atTime(code.expires_at)}.</Note>
        )}
        {send.isSuccess && !problem && (
          <Note tone="good" role="status">
            We sent another code to {mobile}.
          </Note>
        )}
        {send.error || !(sent && "error" in sent) ? (
          <ProblemNote error={send.error} />
        ) : (
          <ProblemNote error={sent.error} />
        )}
        <Button type="submit" loading={check.isPending}>
          Verify
        </Button>
      </form>
      <div className="row">
        <Button
          variant="default"
          onClick={() => {
            // What was wrong with the code before says nothing of the next one.
            check.reset();
            send.mutate();
          }}
          loading={send.isPending}
          disabled={code !== null && code.resends_left <= 0}
        >
          {code ? "Send another code" : "Send a code"}
        </Button>
        {another}
      </div>
      {code && <NoText />}
      <TextRisk />
    </AuthFrame>
  );
}
