import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { asProblem } from "../../api/problem";
import { sessionQuery } from "../../api/queries";
import type { EmailLink } from "../../api/types";
import { Note, ProblemNote } from "../../components/Note";
import { Waiting } from "../../components/Waiting";
import { AuthFrame } from "./AuthFrame";
import { useLinkToken } from "./useLinkToken";

const ASKS = {
  verify: {
    title: "Confirm your e-mail address",
    button: "Confirm this address",
    done: "Your address is confirmed",
    after: "Nothing else is needed. You may close this page.",
  },
  change: {
    title: "Confirm your new e-mail address",
    button: "Use this address",
    done: "Your address is changed",
    after:
      "Sign in with the new address from now on. All other browsers were signed out, and your old address was told.",
  },
  take_back: {
    title: "Take your address back",
    button: "Take it back and sign everybody out",
    done: "Your address is yours again",
    after:
      "All browsers were signed out and all API keys have ended. Look into your mailbox: a link to a new password is on its way, unless you sign in without one.",
  },
  take_back_blocked: {
    title: "Take your address back",
    button: "Take it back and sign everybody out",
    done: "Your address is yours again",
    after:
      "All browsers were signed out and all API keys have ended. The account is blocked, and stays so until we let you in: write to support@klosesales.com from this address.",
  },
} as const;

/** Where the mails about an address lead. Opening changes nothing: scanners of mail servers open every link. */
export function ConfirmEmailPage() {
  const client = useQueryClient();
  const token = useLinkToken();
  const { data: session } = useQuery(sessionQuery);
  const seen = useQuery({
    // Under no key that others use, and forgotten with the page: it holds what the link opens.
    queryKey: ["email-link", token],
    queryFn: ({ signal }) => answer(api.POST("/api/email/link", { body: { token }, signal })),
    enabled: token !== "",
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    gcTime: 0,
  });
  const press = useMutation({
    mutationFn: () => answer(api.POST("/api/email/confirm", { body: { token } })),
    // Who is signed in here may be somebody else, or nobody any more.
    onSuccess: () => client.invalidateQueries({ queryKey: keys.session }),
  });
  const signedIn = session?.state === "signed_in";
  if (press.isSuccess) {
    const { done, after } = ASKS[press.data.step];
    return (
      <AuthFrame title={done}>
        <Note tone="good" role="status">
          {after}
        </Note>
        <Button component={Link} to={signedIn ? "/call" : "/sign-in"}>
          {signedIn ? "Go to Klosesales" : "Sign in"}
        </Button>
      </AuthFrame>
    );
  }
  const dead = [seen.error, press.error].some((error) => asProblem(error)?.code === "email_link_invalid");
  if (token === "" || dead) {
    return (
      <AuthFrame title="This link cannot be used">
        <Note tone="warn" role="alert">
          {token === ""
            ? "The address is not complete. Open the link in the mail again, or copy all of it."
            : "It was used already, was replaced by another, or is too old."}
        </Note>
        <p className="quiet">
          The settings say whether your address is confirmed, and send another link.{" "}
          <Link to="/settings">Go to the settings</Link>
        </p>
      </AuthFrame>
    );
  }
  if (seen.error) {
    return (
      <AuthFrame title="Your e-mail address">
        <ProblemNote error={seen.error} action={<Button onClick={() => seen.refetch()}>Try again</Button>} />
      </AuthFrame>
    );
  }
  if (!seen.data) {
    return (
      <AuthFrame title="Your e-mail address">
        <Waiting lines={3} what="the link" />
      </AuthFrame>
    );
  }
  const { title, button } = ASKS[seen.data.step];
  return (
    <AuthFrame title={title}>
      <Words link={seen.data} />
      <ProblemNote error={press.error} />
      <Button onClick={() => press.mutate()} loading={press.isPending}>
        {button}
      </Button>
    </AuthFrame>
  );
}

function Words({ link: { step, email_hint, mobile_hint } }: { link: EmailLink }) {
  const account = (
    <>
      the account whose phone is <span className="num">{mobile_hint}</span>
    </>
  );
  if (step === "take_back_blocked") {
    return (
      <p>
        {email_hint} becomes the address of {account} again. Everybody is signed out and API keys end. Nobody
        can sign in to this account at present, because we have blocked it; that stays so until you write to
        us.
      </p>
    );
  }
  if (step === "take_back") {
    return (
      <p>
        {email_hint} becomes the address of {account} again. Everybody is signed out, API keys end, and you
        choose another password.
      </p>
    );
  }
  return (
    <>
      <p>
        {email_hint} {step === "verify" ? "belongs to" : "becomes the address of"} {account}.
      </p>
      <p className="quiet">
        Not your phone? Then press nothing, and write to{" "}
        <a href="mailto:support@klosesales.com">support@klosesales.com</a>.
      </p>
    </>
  );
}
