import { Button } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { workspacesQuery } from "../../api/queries";
import list from "../../components/List.module.css";
import { ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { Tag } from "../../components/Tag";
import { ROLE_WORDS } from "../team/words";

/** Changing between workspaces, for who is in more than one. */
export function WorkspacesPanel() {
  const workspaces = useQuery(workspacesQuery);
  const enter = useMutation({
    mutationFn: (id: string) => answer(api.POST("/api/session/workspace", { body: { workspace_id: id } })),
    // A new document forgets everything of the workspace before.
    onSuccess: () => window.location.assign("/call"),
  });
  const items = workspaces.data?.items ?? [];
  if (items.length < 2) return <ProblemNote error={workspaces.error} />;
  return (
    <Panel title="Your workspaces">
      <ProblemNote error={enter.error} />
      <table className={list.table}>
        <thead>
          <tr>
            <th scope="col">Workspace</th>
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((workspace) => (
            <tr key={workspace.id}>
              <td>
                {workspace.name} {workspace.current && <Tag tone="accent">This one</Tag>}
                <div className={list.under}>{ROLE_WORDS[workspace.role].title}</div>
              </td>
              <td className={list.right}>
                {!workspace.current && (
                  <Button
                    variant="default"
                    size="compact-sm"
                    onClick={() => enter.mutate(workspace.id)}
                    loading={enter.isPending && enter.variables === workspace.id}
                    aria-label={`Go to ${workspace.name}`}
                  >
                    Go there
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}
