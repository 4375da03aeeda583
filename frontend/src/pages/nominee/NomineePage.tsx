import { Button, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { asProblem } from "../../api/problem";
import type { NomineeStep } from "../../api/types";
import { Note, ProblemNote } from "../../components/Note";
import { saveFile } from "../../components/saveFile";
import { useForm } from "../../components/useForm";
import { Waiting } from "../../components/Waiting";
import { AuthFrame } from "../auth/AuthFrame";
import { useLinkToken } from "../auth/useLinkToken";

/** For whoever was named: to ask when it has happened, and where our mails lead. Opening a link changes nothing. */
export function NomineePage() {
  const token = useLinkToken();
  return token === "" ? <AskFrame /> : <LinkFrame token={token} />;
}

function AskFrame() {
  const { values, field } = useForm({ email: "", account_email: "", words: "" });
  const ask = useMutation({
    mutationFn: () => answer(api.POST("/api/nominee/ask", { body: values })),
  });
  const problem = asProblem(ask.error);
  if (ask.isSuccess) {
    return (
      <AuthFrame title="Look into your mailbox">
        <Note tone="good" role="status">
          If somebody has named you with this address, a link is on its way to it. Nothing is done before you
          press its button. It is good for 24 hours.
        </Note>
        <p className="quiet">
          No mail? Then the two addresses do not belong together. Write to{" "}
          <a href="mailto:support@klosesales.com">support@klosesales.com</a>.
        </p>
      </AuthFrame>
    );
  }
  return (
    <AuthFrame title="Act for somebody who named you">
      <p>
        Somebody with an account at Klosesales has named you, and has died or can no longer act. You may ask
        for a copy of what we hold about them, or for the deletion of the account.
      </p>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!ask.isPending) ask.mutate();
        }}
      >
        <TextInput
          label="Your e-mail address"
          description="The one to which we wrote when you were named."
          type="email"
          required
          maxLength={254}
          autoComplete="email"
          error={problem?.forField("email")}
          {...field("email")}
        />
        <TextInput
          label="Their e-mail address"
          description="With which they signed in."
          type="email"
          required
          maxLength={254}
          autoComplete="off"
          error={problem?.forField("account_email")}
          {...field("account_email")}
        />
        <Textarea
          label="What has happened, and what you ask for"
          description="Say which document shows it. We write to you how to show it; please send none here."
          required
          autosize
          minRows={3}
          minLength={3}
          maxLength={4000}
          error={problem?.forField("words")}
          {...field("words")}
        />
        {problem?.errors.length === 0 && <ProblemNote error={problem} />}
        <Button type="submit" loading={ask.isPending}>
          Send
        </Button>
      </form>
    </AuthFrame>
  );
}

const ASKS: Record<
  NomineeStep,
  { title: string; words: string; button: string; done: string; after: string }
> = {
  decline: {
    title: "You were named",
    words:
      "Somebody wants you to act for them if they die or can no longer act. You need to do nothing. If you do not want to, we delete your name and address, and they see that you declined.",
    button: "I do not want to",
    done: "You are not named any more",
    after: "Your name and address are deleted. You may close this page.",
  },
  confirm: {
    title: "Confirm that it is you who asks",
    words:
      "Your request goes to two people of ours. They write to you what they need to see, and answer within 30 days. We also write to the person who named you.",
    button: "Yes, I ask",
    done: "We have your request",
    after: "A person writes to you at this address. You may close this page.",
  },
  copy: {
    title: "The copy is ready",
    words:
      "It holds everything that we keep about the person who named you. The link works once: keep the file.",
    button: "Download it",
    done: "The copy was downloaded",
    after: "The link cannot be used again. Keep the file where nobody else finds it.",
  },
};

async function download(token: string): Promise<NomineeStep> {
  const bundle = await answer(api.POST("/api/nominee/copy", { body: { token } }));
  saveFile("klosesales-data.json", JSON.stringify(bundle, null, 2), "application/json");
  return "copy";
}

function LinkFrame({ token }: { token: string }) {
  const seen = useQuery({
    // Under no key that others use, and forgotten with the page: it holds what the link opens.
    queryKey: ["nominee-link", token],
    queryFn: ({ signal }) => answer(api.POST("/api/nominee/link", { body: { token }, signal })),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    gcTime: 0,
  });
  const press = useMutation({
    mutationFn: async (step: NomineeStep) =>
      step === "copy"
        ? download(token)
        : (await answer(api.POST("/api/nominee/press", { body: { token } }))).step,
  });
  if (press.isSuccess) {
    return (
      <AuthFrame title={ASKS[press.data].done}>
        <Note tone="good" role="status">
          {ASKS[press.data].after}
        </Note>
      </AuthFrame>
    );
  }
  const failed = asProblem(seen.error ?? press.error);
  if (failed?.code === "nominee_link_invalid") {
    return (
      <AuthFrame title="This link cannot be used">
        <Note tone="warn" role="alert">
          {failed.detail}
        </Note>
        {/* The same address without the link, which only a new document reads anew. */}
        <Button component="a" href="/nominee" variant="default">
          Ask again
        </Button>
      </AuthFrame>
    );
  }
  if (!seen.data) {
    return (
      <AuthFrame title="Act for somebody who named you">
        {failed ? <ProblemNote error={failed} /> : <Waiting lines={3} what="the link" />}
      </AuthFrame>
    );
  }
  const { step } = seen.data;
  return (
    <AuthFrame title={ASKS[step].title}>
      <p>{ASKS[step].words}</p>
      <ProblemNote error={press.error} />
      <Button onClick={() => press.mutate(step)} loading={press.isPending}>
        {ASKS[step].button}
      </Button>
    </AuthFrame>
  );
}
