import { useQuery } from "@tanstack/react-query";
import { queueQuery } from "../../api/queueQueries";
import { ProblemNote } from "../../components/Note";
import { Page } from "../../components/Page";
import { Waiting } from "../../components/Waiting";
import { StartQueue } from "./StartQueue";
import { Working } from "./Working";

/** Lead after lead, each reserved for whoever works here, each called by a press of a key. */
export function QueuePage() {
  const queue = useQuery(queueQuery);
  if (queue.data) return <Working queue={queue.data} />;
  return (
    <Page title="Queue" width="narrow">
      <ProblemNote error={queue.error} />
      {queue.isPending && <Waiting lines={6} what="the queue" />}
      {queue.data === null && <StartQueue />}
    </Page>
  );
}
