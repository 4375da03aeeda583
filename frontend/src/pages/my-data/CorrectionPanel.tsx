import { Button, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { keepAnswer } from "../../api/keepAnswer";
import { keys } from "../../api/keys";
import { asProblem } from "../../api/problem";
import { Note, ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { useForm } from "../../components/useForm";

/** Something is wrong: in the person's own words, for a person to put right. */
export function CorrectionPanel() {
  const client = useQueryClient();
  const { values, field, setValues } = useForm({ words: "" });
  const ask = useMutation({
    mutationFn: () => answer(api.POST("/api/my-data/correction", { body: { words: values.words.trim() } })),
    onSuccess: (found) => {
      keepAnswer(client, keys.myData, found);
      setValues({ words: "" });
    },
  });
  const problem = asProblem(ask.error);
  return (
    <Panel title="Something is wrong">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!ask.isPending) ask.mutate();
        }}
      >
        <Textarea
          label="What is wrong, and what is right"
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
            We have it. A person puts it right and answers by the day that stands below.
          </Note>
        )}
        <div>
          <Button type="submit" variant="default" loading={ask.isPending}>
            Ask for a correction
          </Button>
        </div>
      </form>
    </Panel>
  );
}
