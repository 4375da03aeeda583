import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { keepAnswer } from "../../api/keepAnswer";
import { keys } from "../../api/keys";
import type { MyData } from "../../api/types";
import { ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { Tag } from "../../components/Tag";
import privacy from "../privacy/PrivacyPage.module.css";
import classes from "./MyData.module.css";

/** Stopping calls, of one company or of all, and allowing again what was stopped here. */
export function CallsPanel({ data }: { data: MyData }) {
  const client = useQueryClient();
  const wish = useMutation({
    mutationFn: (body: { workspace: string | null; allowed: boolean }) =>
      answer(api.POST("/api/my-data/calls", { body })),
    onSuccess: (found) => keepAnswer(client, keys.myData, found),
  });
  const rows = [
    { workspace: null, name: "Everybody who uses Klosesales", calls: data.calls },
    ...(data.calls === "allowed" ? data.workspaces : []),
  ];
  return (
    <Panel title="Calls to this number">
      <p className="quiet">
        Calls stop at once, also one that rings now. Whoever adds the number again cannot call it either. With
        everybody's calls the use of what is held stops too: nobody reads what was said or has it searched.
      </p>
      <ul className={privacy.list}>
        {rows.map(({ workspace, name, calls }) => (
          <li key={workspace ?? ""} className={classes.wish}>
            <span className="row">
              {name}
              <Tag tone={calls === "allowed" ? "plain" : "good"}>
                {calls === "allowed" ? "May call" : "May not call"}
              </Tag>
            </span>
            {calls === "allowed" && (
              <Button
                variant={workspace === null ? "filled" : "default"}
                onClick={() => wish.mutate({ workspace, allowed: false })}
                loading={wish.isPending && wish.variables.workspace === workspace}
                aria-label={`Stop calls: ${name}`}
              >
                Stop calls
              </Button>
            )}
            {calls === "stopped_by_you" && (
              <Button
                variant="default"
                onClick={() => wish.mutate({ workspace, allowed: true })}
                loading={wish.isPending && wish.variables.workspace === workspace}
                aria-label={`Allow calls again: ${name}`}
              >
                Allow again
              </Button>
            )}
          </li>
        ))}
      </ul>
      <ProblemNote error={wish.error} />
    </Panel>
  );
}
