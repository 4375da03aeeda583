import { Link } from "@tanstack/react-router";
import { Note } from "../../components/Note";
import { Page } from "../../components/Page";
import { PublicFrame } from "../../components/PublicFrame";

/** What whoever has stopped the text messages sees last, and what can still be done. */
export function TextsStoppedPage() {
  return (
    <PublicFrame>
      <Page title="Text messages are stopped" width="narrow">
        <Note tone="good" role="status" title="We send you no more text messages.">
          You are signed out everywhere.
        </Note>
        <p>
          To see, correct or delete what we hold about you without signing in, write to{" "}
          <a href="mailto:support@klosesales.com">support@klosesales.com</a> from the e-mail address of your
          account. We mail a link to that address, by which you confirm that it is you, and then another one
          to the copy.
        </p>
        <p>
          Changed your mind? <Link to="/sign-in">Sign in</Link> and agree to text messages again.
        </p>
      </Page>
    </PublicFrame>
  );
}
