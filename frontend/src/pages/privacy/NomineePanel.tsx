import { Button, Checkbox, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { keepAnswer } from "../../api/keepAnswer";
import { keys } from "../../api/keys";
import { nomineeQuery } from "../../api/privacyQueries";
import { asProblem } from "../../api/problem";
import type { NomineeState } from "../../api/types";
import { Note, ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { Tag } from "../../components/Tag";
import { useForm } from "../../components/useForm";
import { Waiting } from "../../components/Waiting";
import { onDate } from "../../format/time";

/** Who acts for the person if they no longer can; named by one form, taken back by one click. */
export function NomineePanel() {
  const client = useQueryClient();
  const state = useQuery(nomineeQuery);
  const [changing, setChanging] = useState(false);
  const keep = (found: NomineeState) => {
    keepAnswer(client, keys.privacy.nominee, found);
    setChanging(false);
    void client.invalidateQueries({ queryKey: keys.privacy.all });
  };
  const takeBack = useMutation({
    mutationFn: () => answer(api.DELETE("/api/privacy/nominee")),
    onSuccess: keep,
  });
  const named = state.data?.nominee ?? null;
  return (
    <Panel title="Who acts for you">
      <p className="quiet">
        If you die or can no longer act, whom you name here may ask us for a copy of your data, or to delete
        your account. Two people of ours look at what shows it first, and we write to you too.
      </p>
      <ProblemNote error={state.error ?? takeBack.error} />
      {state.isPending && <Waiting lines={2} what="whom you named" />}
      {named?.declined_at && (
        <Note tone="warn" role="status">
          Whom you named on {onDate(named.named_at)} does not want to, so nobody acts for you. Name somebody
          else, or leave it.
        </Note>
      )}
      {named && !named.declined_at && (
        <div className="row">
          <span>
            <strong>{named.name}</strong>, {named.email}
          </span>
          <Tag tone="good">Named on {onDate(named.named_at)}</Tag>
          <span className="quiet">{named.told_at ? "told by e-mail" : "our e-mail is on its way"}</span>
        </div>
      )}
      {named && (
        <div className="row">
          {!named.declined_at && !changing && (
            <Button variant="default" onClick={() => setChanging(true)}>
              Name somebody else
            </Button>
          )}
          <Button variant="default" loading={takeBack.isPending} onClick={() => takeBack.mutate()}>
            {named.declined_at ? "Leave it" : "Take back"}
          </Button>
        </div>
      )}
      {state.data && (!named || named.declined_at || changing) && (
        <NameForm state={state.data} onNamed={keep} />
      )}
    </Panel>
  );
}

function NameForm({ state, onNamed }: { state: NomineeState; onNamed: (found: NomineeState) => void }) {
  const { values, field } = useForm({ name: "", email: "" });
  const [agreed, setAgreed] = useState(false);
  const name = useMutation({
    mutationFn: () =>
      answer(
        api.PUT("/api/privacy/nominee", {
          body: { ...values, agreed: true, policy_version: state.policy_version },
        }),
      ),
    onSuccess: onNamed,
  });
  const problem = asProblem(name.error);
  const atEmail =
    problem?.code === "email_invalid" ||
    problem?.code === "nominee_is_self" ||
    problem?.code === "nominee_declined";
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (!name.isPending) name.mutate();
      }}
    >
      <TextInput
        label="Their name"
        required
        minLength={2}
        maxLength={160}
        autoComplete="off"
        error={problem?.forField("name")}
        {...field("name")}
      />
      <TextInput
        label="Their e-mail address"
        type="email"
        required
        maxLength={254}
        autoComplete="off"
        error={atEmail ? problem.detail : problem?.forField("email")}
        {...field("email")}
      />
      <Checkbox
        label={state.words}
        required
        checked={agreed}
        onChange={(event) => setAgreed(event.currentTarget.checked)}
      />
      {!atEmail && problem?.errors.length === 0 && <ProblemNote error={problem} />}
      <div>
        <Button type="submit" variant="default" loading={name.isPending} disabled={!agreed}>
          Name this person
        </Button>
      </div>
    </form>
  );
}
