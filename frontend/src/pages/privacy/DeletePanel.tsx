import { Button, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { erasurePreviewQuery, erasureQuery } from "../../api/privacyQueries";
import { useSignedIn } from "../../app/useSession";
import { Note, ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { Waiting } from "../../components/Waiting";
import { atDateTime, onDate } from "../../format/time";
import { ProofDialog, wantsProof } from "../settings/ProofDialog";
import classes from "./PrivacyPage.module.css";

type When = "after_grace" | "now";

/** Deleting the account: what goes, what stays and why, and the typed confirmation; or the request that is open. */
export function DeletePanel() {
  const erasure = useQuery(erasureQuery);
  const request = erasure.data?.request;
  const open = request && request.state !== "cancelled" ? request : null;
  return (
    <Panel title="Delete my account">
      <ProblemNote error={erasure.error} />
      {erasure.isPending && <Waiting lines={4} what="the state of your account" />}
      {open && <OpenRequest request={open} />}
      {erasure.data && !open && <DeleteForm />}
    </Panel>
  );
}

interface OpenRequestProps {
  request: { runs_at: string; due_on: string; cancellable: boolean; receipt_path: string };
}

function OpenRequest({ request }: OpenRequestProps) {
  const client = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => answer(api.POST("/api/privacy/erasure/cancel")),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.privacy.erasure }),
  });
  return (
    <Note
      tone="warn"
      title={
        request.cancellable
          ? `Your account is deleted on ${atDateTime(request.runs_at)}`
          : "Your account is being deleted"
      }
      action={
        request.cancellable && (
          <Button variant="default" onClick={() => cancel.mutate()} loading={cancel.isPending}>
            Keep my account
          </Button>
        )
      }
    >
      <p>
        It is done by {onDate(request.due_on)} at the latest.{" "}
        {request.cancellable && "We have told you by mail, with all of this. "}The{" "}
        <a href={request.receipt_path}>receipt</a> can be opened without an account; keep its address.
      </p>
      <ProblemNote error={cancel.error} />
    </Note>
  );
}

function DeleteForm() {
  const client = useQueryClient();
  const { user } = useSignedIn();
  const preview = useQuery(erasurePreviewQuery);
  const [when, setWhen] = useState<When>("after_grace");
  const [typed, setTyped] = useState("");
  const erase = useMutation({
    mutationFn: () => answer(api.POST("/api/privacy/erasure", { body: { confirm: typed.trim(), when } })),
    onSuccess: async (request) => {
      // At once means that the session ends too: the receipt is a page for everybody.
      if (when === "now") window.location.assign(request.receipt_path);
      else await client.invalidateQueries({ queryKey: keys.privacy.erasure });
    },
  });
  const confirmed = typed.trim().toLowerCase() === user.email.toLowerCase();
  if (!preview.data) {
    if (preview.error) return <ProblemNote error={preview.error} />;
    return <Waiting lines={5} what="what would be deleted" />;
  }
  const { goes, stays, grace_days } = preview.data;
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (confirmed && !erase.isPending) erase.mutate();
      }}
    >
      <div className={classes.pair}>
        <div>
          <h3>What goes</h3>
          <ul>
            {goes.map((item) => (
              <li key={item.element}>
                {item.title} <span className="num quiet">({item.count})</span>
              </li>
            ))}
          </ul>
        </div>
        <div>
          <h3>What must stay, and why</h3>
          <ul>
            {stays.map((item) => (
              <li key={item.what}>
                {item.what}
                <div className={`quiet ${classes.why}`}>{item.why}</div>
              </li>
            ))}
          </ul>
        </div>
      </div>
      <fieldset className={classes.choices}>
        <legend>When</legend>
        <label>
          <input
            type="radio"
            name="when"
            checked={when === "after_grace"}
            onChange={() => setWhen("after_grace")}
          />
          After {grace_days} days, in which you can change your mind
        </label>
        <label>
          <input type="radio" name="when" checked={when === "now"} onChange={() => setWhen("now")} />
          Now. This cannot be undone
        </label>
      </fieldset>
      <TextInput
        label={`Type ${user.email} to confirm`}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
        autoComplete="off"
        spellCheck={false}
        maxLength={254}
      />
      {wantsProof(erase.error) ? (
        <ProofDialog onProved={() => erase.mutate()} onClose={() => erase.reset()} />
      ) : (
        <ProblemNote error={erase.error} />
      )}
      <div>
        <Button type="submit" color="red.9" disabled={!confirmed} loading={erase.isPending}>
          Delete my account
        </Button>
      </div>
    </form>
  );
}
