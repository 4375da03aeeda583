import { Button, CloseButton, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type KeyboardEvent, useId, useState } from "react";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { asProblem } from "../../api/problem";
import { tagsQuery } from "../../api/queueQueries";
import type { Lead } from "../../api/types";
import { Dialog } from "../../components/Dialog";
import { ProblemNote } from "../../components/Note";
import { leadName } from "../../format/lead";
import classes from "./LeadsPage.module.css";

const LENGTH_MAX = 30;

/** The tags of a lead, each saved at once. By keyboard: Enter adds, Backspace in the empty field takes the last one off. */
export function TagsDialog({ lead, onClose }: { lead: Lead; onClose: () => void }) {
  const client = useQueryClient();
  const known = useQuery(tagsQuery);
  const list = useId();
  const [typed, setTyped] = useState("");
  const [tags, setTags] = useState(lead.tags);
  const change = useMutation({
    mutationFn: (body: { add?: string[]; remove?: string[] }) =>
      answer(api.PATCH("/api/leads/{lead_id}/tags", { params: { path: { lead_id: lead.id } }, body })),
    onSuccess: (saved, { add }) => {
      setTags(saved.tags);
      if (add) setTyped("");
      void client.invalidateQueries({ queryKey: keys.leads.all });
      void client.invalidateQueries({ queryKey: keys.tags });
    },
  });
  const name = typed.trim();
  const add = () => {
    if (name && !change.isPending) change.mutate({ add: [name] });
  };
  const remove = (tag: string) => {
    if (!change.isPending) change.mutate({ remove: [tag] });
  };
  function pressed(event: KeyboardEvent): void {
    const last = tags.at(-1);
    if (event.key === "Backspace" && typed === "" && !event.repeat && last !== undefined) remove(last);
  }
  const problem = asProblem(change.error);
  return (
    <Dialog title={`Tags of ${leadName(lead)}`} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          add();
        }}
      >
        {tags.length === 0 ? (
          <p className="quiet">
            None yet. Leads can be found by their tags, and called through one after the other.
          </p>
        ) : (
          <ul className={classes.chips} aria-label="Tags">
            {tags.map((tag) => (
              <li key={tag} className={classes.chip}>
                {tag}
                <CloseButton size="sm" aria-label={`Take off ${tag}`} onClick={() => remove(tag)} />
              </li>
            ))}
          </ul>
        )}
        <div className={classes.add}>
          <TextInput
            aria-label="New tag"
            placeholder="Trade fair"
            data-autofocus
            maxLength={LENGTH_MAX}
            list={list}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            onKeyDown={pressed}
            autoComplete="off"
          />
          <Button type="submit" loading={change.isPending} disabled={!name}>
            Add
          </Button>
          <datalist id={list}>
            {known.data
              ?.filter((tag) => !tags.includes(tag))
              .map((tag) => (
                <option key={tag} value={tag} />
              ))}
          </datalist>
        </div>
        <ProblemNote error={problem} />
      </form>
    </Dialog>
  );
}
