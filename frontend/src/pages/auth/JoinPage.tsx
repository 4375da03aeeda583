import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { asProblem } from "../../api/problem";
import { sessionQuery } from "../../api/queries";
import type { SeenInvitation, Session } from "../../api/types";
import { Note, ProblemNote } from "../../components/Note";
import { Waiting } from "../../components/Waiting";
import { onDate } from "../../format/time";
import { ROLE_WORDS } from "../team/words";
import { AuthFrame } from "./AuthFrame";
import { refusalWords } from "./providers";
import { SignUpForm } from "./SignUpPage";
import { SocialButtons } from "./SocialButtons";
import { useLinkToken } from "./useLinkToken";

/** Where a mailed invitation leads. What makes it good stands after the #, which no server ever sees. */
export function JoinPage() {
  const search = useSearch({ from: "/open/join" });
  // Taken out of the address together with the token.
  const [returned] = useState(search);
  const token = useLinkToken();
  const { data: session } = useQuery(sessionQuery);
  const seen = useQuery({
    // Under no key that others use, and forgotten with the page: it holds what opens the invitation.
    queryKey: ["invitation", token],
    queryFn: ({ signal }) => answer(api.POST("/api/invitations/seen", { body: { token }, signal })),
    enabled: token !== "",
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    gcTime: 0,
  });
  const problem = asProblem(seen.error);
  if (problem && problem.code !== "invitation_invalid") {
    return (
      <AuthFrame title="Invitation">
        <ProblemNote error={problem} action={<Button onClick={() => seen.refetch()}>Try again</Button>} />
      </AuthFrame>
    );
  }
  if (token === "" || problem) {
    return (
      <AuthFrame title={returned.refused ? "Invitation" : "This invitation cannot be used"}>
        {token === "" ? (
          <Note tone="warn" role="alert">
            {returned.refused
              ? `${refusalWords(returned.refused, returned.by)} To join, open the link in the mail again.`
              : "The address is not complete. Open the link in the mail again, or copy all of it."}
          </Note>
        ) : (
          <ProblemNote error={problem} />
        )}
        <p className="quiet">
          Whoever invited you can send a new one. <Link to="/call">Go to Klosesales</Link>
        </p>
      </AuthFrame>
    );
  }
  if (!seen.data || !session) {
    return (
      <AuthFrame title="Invitation">
        <Waiting lines={3} what="the invitation" />
      </AuthFrame>
    );
  }
  const { workspace_name, invited_by, role, expires_at } = seen.data;
  return (
    <AuthFrame
      title={`Join ${workspace_name}`}
      intro={`${invited_by} invites you, as ${ROLE_WORDS[role].a}. The invitation is good until ${onDate(expires_at)}.`}
    >
      <Joining token={token} invitation={seen.data} session={session} />
    </AuthFrame>
  );
}

interface JoiningProps {
  token: string;
  invitation: SeenInvitation;
  session: Session;
}

function Joining({ token, invitation, session }: JoiningProps) {
  if (session.state === "awaiting_otp") {
    return (
      <Note>
        You are in the middle of signing in. <Link to="/verify">Enter the code</Link>, then open the link in
        the mail again.
      </Note>
    );
  }
  if (session.state === "signed_in" && !invitation.is_yours) {
    return (
      <>
        <Note tone="warn">
          The invitation went to {invitation.email_hint}, and you are signed in as {session.user?.email}. Sign
          out to join with that address, or ask for an invitation to this one.
        </Note>
        <LeaveButton token={token} />
      </>
    );
  }
  if (session.state === "signed_in") return <JoinButton token={token} />;
  return (
    <>
      <SocialButtons intent="sign_up" invitation={token} />
      <SignUpForm invitation={{ token, emailHint: invitation.email_hint }} />
      <p className="quiet">
        Have an account with this address? <Link to="/sign-in">Sign in</Link>, then open the link in the mail
        again.
      </p>
    </>
  );
}

function LeaveButton({ token }: { token: string }) {
  const leave = useMutation({
    mutationFn: () => answer(api.POST("/api/signout")),
    // A new document forgets everything that this one held, and reads the link as this one did.
    onSuccess: () => {
      window.location.hash = token;
    },
  });
  return (
    <>
      <ProblemNote error={leave.error} />
      <Button onClick={() => leave.mutate()} loading={leave.isPending || leave.isSuccess}>
        Sign out
      </Button>
    </>
  );
}

function JoinButton({ token }: { token: string }) {
  const client = useQueryClient();
  const join = useMutation({
    mutationFn: () => answer(api.POST("/api/invitations/accept", { body: { token } })),
    // Everything that is held here belongs to the workspace before.
    onSuccess: () => {
      client.clear();
      window.location.assign("/call");
    },
  });
  return (
    <>
      <ProblemNote error={join.error} />
      <Button onClick={() => join.mutate()} loading={join.isPending || join.isSuccess}>
        Join
      </Button>
      <p className="quiet">Your own workspaces stay as they are; you change between them in the settings.</p>
    </>
  );
}
