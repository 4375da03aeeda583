import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { myDataQuery, myHeldThingsQuery } from "../../api/privacyQueries";
import { asProblem } from "../../api/problem";
import { HeldList } from "../../components/HeldList";
import { ProblemNote } from "../../components/Note";
import { Page, Panel } from "../../components/Page";
import { PublicFrame } from "../../components/PublicFrame";
import { Waiting } from "../../components/Waiting";
import { CallsPanel } from "./CallsPanel";
import { CopyPanel } from "./CopyPanel";
import { CorrectionPanel } from "./CorrectionPanel";
import { DeleteNumberPanel } from "./DeleteNumberPanel";
import { HoldersPanel } from "./HoldersPanel";
import { ProveNumber } from "./ProveNumber";
import { UsePanel } from "./UsePanel";
import { WishesPanel } from "./WishesPanel";

/** For people who were called: a number, a code, what is held, and what may be done about it. No account. */
export function MyDataPage() {
  const client = useQueryClient();
  const found = useQuery(myDataQuery);
  const leave = useMutation({
    mutationFn: () => answer(api.DELETE("/api/my-data/session")),
    onSettled: () => client.resetQueries({ queryKey: keys.myData }),
  });
  const isShut = asProblem(found.error)?.code === "number_not_proved";
  if (isShut) return <ProveNumber wasOpen={found.data !== undefined} />;
  return (
    <PublicFrame>
      <Page
        title="What is held about your number"
        width="narrow"
        actions={
          found.data && (
            <Button variant="default" onClick={() => leave.mutate()} loading={leave.isPending}>
              Close this page
            </Button>
          )
        }
      >
        <ProblemNote error={found.error} />
        {found.isPending && <Waiting lines={6} what="what is held" />}
        {found.data && (
          <>
            <p className="quiet">
              Klosesales is software with which companies call people. This is everything it keeps about{" "}
              <span className="num">{found.data.number}</span>. The page closes by itself half an hour after
              the code.
            </p>
            <HoldersPanel data={found.data} />
            <Panel title="Everything that is kept, to read">
              <HeldList
                items={found.data.held}
                thingsOf={(element) => myHeldThingsQuery(found.data.number, element)}
              />
            </Panel>
            <CallsPanel data={found.data} />
            <CopyPanel />
            <CorrectionPanel />
            <UsePanel data={found.data} />
            <DeleteNumberPanel data={found.data} />
            <WishesPanel cases={found.data.cases} />
            <p className="quiet">
              Questions: <a href="mailto:support@klosesales.com">support@klosesales.com</a>
            </p>
          </>
        )}
      </Page>
    </PublicFrame>
  );
}
