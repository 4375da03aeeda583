import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { keepAnswer } from "../../api/keepAnswer";
import { keys } from "../../api/keys";
import type { MyData } from "../../api/types";
import { Note, ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";

/** Having everything kept and used for nothing, for who disputes something and does not want it deleted. */
export function UsePanel({ data }: { data: MyData }) {
  const client = useQueryClient();
  const wish = useMutation({
    mutationFn: (restricted: boolean) =>
      answer(api.POST("/api/my-data/restriction", { body: { restricted } })),
    onSuccess: (found) => keepAnswer(client, keys.myData, found),
  });
  return (
    <Panel title="Keep it, and use it for nothing">
      {data.restricted ? (
        <Note
          tone="good"
          role="status"
          title="Nothing about this number is used now"
          action={
            <Button variant="default" onClick={() => wish.mutate(false)} loading={wish.isPending}>
              Let it be used again
            </Button>
          }
        >
          Nobody calls you, reads what was said or has it searched, until a person decides about it with a
          reason.
        </Note>
      ) : (
        <>
          <p className="quiet">
            If something is in dispute: it stays where it is, and nobody calls you, reads what was said or has
            it searched, from now on and until it is decided.
          </p>
          <div>
            <Button variant="default" onClick={() => wish.mutate(true)} loading={wish.isPending}>
              Use nothing of mine
            </Button>
          </div>
        </>
      )}
      <ProblemNote error={wish.error} />
    </Panel>
  );
}
