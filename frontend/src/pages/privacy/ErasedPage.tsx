import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { erasureReceiptQuery } from "../../api/privacyQueries";
import { Note, ProblemNote } from "../../components/Note";
import { Page, Panel } from "../../components/Page";
import { PublicFrame } from "../../components/PublicFrame";
import { Waiting } from "../../components/Waiting";
import { atDateTime } from "../../format/time";
import classes from "./PrivacyPage.module.css";
import { SignedReceipt } from "./SignedReceipt";

const STATE_WORDS = {
  requested: "The deletion is on its way. This page notices when it is done.",
  approved: "The deletion is on its way. This page notices when it is done.",
  running: "Your data is being erased now, store by store.",
  verifying: "Everything is erased. Every store is looked through once more.",
  rewriting: "Nothing is found any more. The files are rewritten so that no bytes stay behind.",
  done: "Everything is deleted.",
  cancelled: "The deletion was cancelled. Everything is kept.",
} as const;

/** The receipt of an erasure, for whoever has its address; it says nothing about the person. */
export function ErasedPage() {
  const { token } = useParams({ from: "/open/erased/$token" });
  const receipt = useQuery(erasureReceiptQuery(token));
  return (
    <PublicFrame>
      <Page title="Receipt of a deletion" width="narrow">
        <ProblemNote error={receipt.error} />
        {receipt.isPending && <Waiting lines={5} what="the receipt" />}
        {receipt.data && (
          <>
            <Note
              tone={receipt.data.state === "done" ? "good" : "plain"}
              role="status"
              title={STATE_WORDS[receipt.data.state]}
            >
              <span className="num">
                Asked for on {atDateTime(receipt.data.requested_at)}
                {receipt.data.finished_at && `, done on ${atDateTime(receipt.data.finished_at)}`}.
              </span>
            </Note>
            {receipt.data.state === "done" && (
              <Panel title="What was erased">
                <ul className={classes.list}>
                  {receipt.data.erased.map((item) => (
                    <li key={item.element} className={classes.held}>
                      <span>{item.title}</span>
                      <span className="num">{item.count}</span>
                    </li>
                  ))}
                </ul>
                {receipt.data.left !== null && (
                  <p className="num">A last look in every store found {receipt.data.left} left.</p>
                )}
              </Panel>
            )}
            {receipt.data.kept.length > 0 && (
              <Panel title="What must stay, and why">
                <ul className={classes.list}>
                  {receipt.data.kept.map((item) => (
                    <li key={item.what}>
                      {item.what}
                      <div className={`quiet ${classes.why}`}>{item.why}</div>
                    </li>
                  ))}
                </ul>
              </Panel>
            )}
            {receipt.data.signed && <SignedReceipt signed={receipt.data.signed} />}
            <p className="quiet">
              Keep this page's address; it is the only way back here. Questions:{" "}
              <a href="mailto:support@klosesales.com">support@klosesales.com</a>
            </p>
          </>
        )}
      </Page>
    </PublicFrame>
  );
}
