import { Button, Checkbox, Textarea } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../../api/client";
import type { DeskCasePage } from "../../../api/types";
import { Note, ProblemNote } from "../../../components/Note";
import { Panel } from "../../../components/Page";
import { Tag } from "../../../components/Tag";
import { atDateTime } from "../../../format/time";
import classes from "./Desk.module.css";
import { Frame } from "./StepForms";
import { useKeepPage } from "./useKeepPage";

type Grant = NonNullable<DeskCasePage["grant"]>;

function whatOf(grant: Grant): string {
  if (grant.access && grant.erasure) return "a copy of the data, then the deletion of the account";
  return grant.access ? "a copy of the data" : "the deletion of the account";
}

/** What a nominee may do: the moment of the second person, and afterwards what became of it. */
export function GrantPanel({ page, grant }: { page: DeskCasePage; grant: Grant }) {
  const keep = useKeepPage();
  const params = { path: { reference: page.case.reference } };
  const approve = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/staff/cases/{reference}/nominee/approve", { params, body: { seen: grant.seen } }),
      ),
    onSuccess: keep,
  });
  const withdraw = useMutation({
    mutationFn: () => answer(api.POST("/api/staff/cases/{reference}/nominee/withdraw", { params })),
    onSuccess: keep,
  });
  const waits = grant.state === "waiting";
  // While a deletion goes on, taking that back ends the link too.
  const opens = grant.link_until !== null && !grant.used_at && new Date(grant.link_until) > new Date();
  const revocable = grant.state === "approved" && opens && !page.erasure;
  return (
    <Panel
      title={waits ? "The nominee's request: waits for a second person" : "What the nominee may do"}
      aside={
        <Tag tone={waits ? "accent" : grant.state === "approved" ? "good" : "plain"}>
          {waits ? "Not begun" : grant.state === "approved" ? "Approved" : "Withdrawn"}
        </Tag>
      }
    >
      <p>
        {grant.by_me ? "You" : grant.by} prepared {whatOf(grant)} on {atDateTime(grant.at)}.
      </p>
      <div>
        <h3>What showed it</h3>
        {grant.evidence ? (
          <p className={classes.words}>{grant.evidence}</p>
        ) : (
          <p className="quiet">What was shown is not kept any longer.</p>
        )}
      </div>
      {grant.decided_at && (
        <p className="quiet">
          {grant.decided_by} decided on {atDateTime(grant.decided_at)}.
          {grant.link_until &&
            (grant.used_at
              ? ` The copy was fetched on ${atDateTime(grant.used_at)}.`
              : ` The link to the copy is good until ${atDateTime(grant.link_until)}.`)}
        </p>
      )}
      {waits && grant.by_me && (
        <Note role="status">
          You prepared it, so it is not yours to approve. Ask a colleague to open this page.
        </Note>
      )}
      <ProblemNote error={approve.error ?? withdraw.error} />
      {(waits || revocable) && grant.may_decide && (
        <div className={classes.steps}>
          {waits && !grant.by_me && (
            <Button color="red.9" onClick={() => approve.mutate()} loading={approve.isPending}>
              Approve this
            </Button>
          )}
          <Button variant="default" onClick={() => withdraw.mutate()} loading={withdraw.isPending}>
            {waits ? "Withdraw it" : "Withdraw the link"}
          </Button>
        </div>
      )}
    </Panel>
  );
}

/** What was shown, judged by one of us, for another to approve. */
export function GrantForm({ page, onDone }: { page: DeskCasePage; onDone: (page: DeskCasePage) => void }) {
  const [evidence, setEvidence] = useState("");
  const [access, setAccess] = useState(false);
  const [erasure, setErasure] = useState(false);
  const params = { path: { reference: page.case.reference } };
  const prepare = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/staff/cases/{reference}/nominee", {
          params,
          body: { evidence: evidence.trim(), access, erasure },
        }),
      ),
    onSuccess: onDone,
  });
  return (
    <Frame
      error={prepare.error}
      pending={prepare.isPending}
      disabled={!access && !erasure}
      button="Prepare it for a second person"
      onSend={() => prepare.mutate()}
    >
      <Textarea
        w="100%"
        label="What showed that the person died or cannot act"
        description="Which document, from whom, how you checked it. Name nobody, and keep no copy of it."
        required
        autoFocus
        autosize
        minRows={3}
        minLength={3}
        maxLength={4000}
        value={evidence}
        onChange={(event) => setEvidence(event.currentTarget.value)}
      />
      <Checkbox
        label="A copy of the data, by one link to the nominee's address"
        checked={access}
        onChange={(event) => setAccess(event.currentTarget.checked)}
      />
      <Checkbox
        label="The deletion of the account, after 3 days"
        checked={erasure}
        onChange={(event) => setErasure(event.currentTarget.checked)}
      />
    </Frame>
  );
}
