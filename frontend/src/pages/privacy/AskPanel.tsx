import { Button, NativeSelect, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { keepAnswer } from "../../api/keepAnswer";
import { keys } from "../../api/keys";
import { ownCasesQuery } from "../../api/privacyQueries";
import { asProblem } from "../../api/problem";
import { CaseList } from "../../components/CaseList";
import { Note, ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { useForm } from "../../components/useForm";

const KINDS = [
  { value: "correction", label: "Put something right" },
  { value: "restriction", label: "Keep my data, but use it for nothing" },
  { value: "objection", label: "I object to a use of my data" },
  { value: "grievance", label: "Complain" },
] as const;
type Kind = (typeof KINDS)[number]["value"];

/** What only a person can answer, and everything that was asked for with the last day for its answer. */
export function AskPanel() {
  const client = useQueryClient();
  const cases = useQuery(ownCasesQuery);
  const [kind, setKind] = useState<Kind>("correction");
  const { values, field, setValues } = useForm({ words: "" });
  const ask = useMutation({
    mutationFn: () => answer(api.POST("/api/privacy/cases", { body: { kind, words: values.words.trim() } })),
    onSuccess: (found) => {
      keepAnswer(client, keys.privacy.cases, found);
      setValues({ words: "" });
    },
  });
  const problem = asProblem(ask.error);
  return (
    <Panel title="Ask us">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!ask.isPending) ask.mutate();
        }}
      >
        <NativeSelect
          label="What do you want?"
          data={[...KINDS]}
          value={kind}
          onChange={(event) => setKind(event.currentTarget.value as Kind)}
        />
        <Textarea
          label="In your words"
          autosize
          minRows={2}
          minLength={3}
          maxLength={4000}
          required
          error={problem?.forField("words")}
          {...field("words")}
        />
        {problem?.errors.length === 0 && <ProblemNote error={problem} />}
        {ask.isSuccess && (
          <Note tone="good" role="status">
            We have it. A person answers by e-mail, by the day that stands below.
          </Note>
        )}
        <div>
          <Button type="submit" variant="default" loading={ask.isPending}>
            Send
          </Button>
        </div>
      </form>
      <ProblemNote error={cases.error} />
      {cases.data && cases.data.items.length > 0 && <CaseList cases={cases.data.items} />}
    </Panel>
  );
}
