import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { Note, ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { atDateTime } from "../../format/time";

/** A copy of everything, behind a link that works once. */
export function CopyPanel() {
  const make = useMutation({ mutationFn: () => answer(api.POST("/api/my-data/links")) });
  return (
    <Panel title="A copy of everything">
      <p className="quiet">
        One file with all of the above, the text of what you said in calls, and when it was passed on to whom.
        The link works once.
      </p>
      {make.data ? (
        <>
          <Note tone="good" role="status" title="Your copy is ready">
            <span className="num">The link works once, until {atDateTime(make.data.expires_at)}.</span>
          </Note>
          <div className="row">
            <Button
              component="a"
              href={`${make.data.path}&as_page=true`}
              download
              onClick={() => make.reset()}
            >
              Download
            </Button>
            <Button
              component="a"
              variant="default"
              href={make.data.path}
              download
              onClick={() => make.reset()}
            >
              For other programs (JSON)
            </Button>
          </div>
        </>
      ) : (
        <div>
          <Button variant="default" onClick={() => make.mutate()} loading={make.isPending}>
            Make the link
          </Button>
        </div>
      )}
      <ProblemNote error={make.error} />
    </Panel>
  );
}
