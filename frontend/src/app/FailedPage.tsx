import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { ProblemNote } from "../components/Note";
import { Page } from "../components/Page";
import { PublicFrame } from "../components/PublicFrame";

/** A page that could not be shown. */
export function FailedPage({ error }: { error: unknown }) {
  return (
    <Page title="This page could not be shown" width="narrow">
      <ProblemNote
        error={error}
        action={
          <Button variant="default" onClick={() => window.location.reload()}>
            Reload
          </Button>
        }
      />
    </Page>
  );
}

export function MissingPage() {
  return (
    <PublicFrame>
      <Page title="There is no such page" width="narrow">
        <p>
          The address may be mistyped or the page may have moved. <Link to="/call">Go to your calls</Link>.
        </p>
      </Page>
    </PublicFrame>
  );
}
