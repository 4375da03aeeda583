import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { answer, api } from "../api/client";
import { Note, ProblemNote } from "../components/Note";
import classes from "./PolicyNotice.module.css";

/** Reminds of the mail whose button has not been pressed; nothing but inviting others waits for it. */
export function EmailNotice({ email }: { email: string }) {
  const send = useMutation({ mutationFn: () => answer(api.POST("/api/email/send")) });
  return (
    <div className={classes.notice} data-can-wait>
      <Note
        title="Confirm your e-mail address"
        action={
          <div className="row">
            <Button
              size="compact-sm"
              variant="default"
              onClick={() => send.mutate()}
              loading={send.isPending}
              disabled={send.isSuccess}
            >
              {send.isSuccess ? "Sent" : "Send the mail"}
            </Button>
            <Link to="/settings">Another address</Link>
          </div>
        }
      >
        Press the button in our mail to {email}; have it sent if you have none. Before that you can invite
        nobody.
        <ProblemNote error={send.error} />
      </Note>
    </div>
  );
}
