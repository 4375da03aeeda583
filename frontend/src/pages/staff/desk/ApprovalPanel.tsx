import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { answer, api } from "../../../api/client";
import type { DeskCasePage, ErasurePreview } from "../../../api/types";
import { Note, ProblemNote } from "../../../components/Note";
import { Panel } from "../../../components/Page";
import { Tag } from "../../../components/Tag";
import { atDateTime } from "../../../format/time";
import classes from "./Desk.module.css";
import { useKeepPage } from "./useKeepPage";

/** The moment of the second person: what would go, what stays, and who has prepared it. */
export function ApprovalPanel({
  page,
  prepared,
}: {
  page: DeskCasePage;
  prepared: NonNullable<DeskCasePage["prepared"]>;
}) {
  const keep = useKeepPage();
  const path = { reference: page.case.reference };
  const approve = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/staff/cases/{reference}/deletion/approve", {
          params: { path },
          body: { seen: prepared.seen },
        }),
      ),
    onSuccess: keep,
  });
  const withdraw = useMutation({
    mutationFn: () =>
      answer(api.POST("/api/staff/cases/{reference}/deletion/withdraw", { params: { path } })),
    onSuccess: keep,
  });
  return (
    <Panel title="Deletion: waits for a second person" aside={<Tag tone="accent">Not begun</Tag>}>
      <p>
        {prepared.by_me ? "You" : prepared.by} prepared this on {atDateTime(prepared.at)}. Somebody else reads
        what goes and approves exactly that.
      </p>
      <Preview preview={prepared.preview} />
      {page.may.includes("approve") ? (
        <p>
          Approved by you, it begins after {prepared.preview.grace_days} days. Until then it can be taken
          back; after that nothing brings it back.
        </p>
      ) : (
        <Note role="status">
          {prepared.by_me
            ? "You prepared it, so it is not yours to approve. Ask a colleague to open this page."
            : "Your role does not allow approving. A privacy officer or an admin can."}
        </Note>
      )}
      <ProblemNote error={approve.error ?? withdraw.error} />
      <div className={classes.steps}>
        {page.may.includes("approve") && (
          <Button color="red.9" onClick={() => approve.mutate()} loading={approve.isPending}>
            Approve this deletion
          </Button>
        )}
        {page.may.includes("withdraw") && (
          <Button variant="default" onClick={() => withdraw.mutate()} loading={withdraw.isPending}>
            Withdraw it
          </Button>
        )}
      </div>
    </Panel>
  );
}

function Preview({ preview }: { preview: ErasurePreview }) {
  return (
    <div className={classes.pair}>
      <div>
        <h3>What goes</h3>
        {preview.goes.length === 0 && <p className="quiet">Nothing is held about this person.</p>}
        <ul>
          {preview.goes.map((item) => (
            <li key={item.element}>
              {item.title} <span className="num quiet">({item.count})</span>
            </li>
          ))}
        </ul>
      </div>
      <div>
        <h3>What must stay, and why</h3>
        <ul>
          {preview.stays.map((item) => (
            <li key={item.what}>
              {item.what}
              <div className={classes.quietly}>{item.why}</div>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}
