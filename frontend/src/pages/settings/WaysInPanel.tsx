import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { sessionQuery, waysInQuery } from "../../api/queries";
import type { WayIn } from "../../api/types";
import { Dialog } from "../../components/Dialog";
import list from "../../components/List.module.css";
import { Note, ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { Waiting } from "../../components/Waiting";
import { onDate } from "../../format/time";
import { PROVIDER_NAMES, ProviderMark, refusalWords } from "../auth/providers";
import { LinkDialog } from "./LinkDialog";
import { ProofDialog, wantsProof } from "./ProofDialog";
import classes from "./SettingsPage.module.css";

/** Google and Facebook as ways to sign in; nothing where neither is offered nor linked. */
export function WaysInPanel() {
  const search = useSearch({ from: "/app/settings" });
  const ways = useQuery(waysInQuery);
  const [linking, setLinking] = useState<WayIn | null>(null);
  const [ending, setEnding] = useState<WayIn | null>(null);
  const { data: session } = useQuery(sessionQuery);
  const providers = ways.data?.providers ?? [];
  // Known at once: whether there will be anything to show.
  const awaited = !ways.data && (session?.sign_in_with.length ?? 0) > 0;
  if (providers.length === 0 && !awaited) return null;
  return (
    <Panel title="Google and Facebook">
      <p className="quiet">
        You sign in with those that are linked. Your phone is asked for a code all the same.
      </p>
      {search.linked && !search.refused && (
        <Note tone="good" role="status">
          You can sign in with {PROVIDER_NAMES[search.linked]} now.
        </Note>
      )}
      {search.refused && (
        <Note tone="warn" role="alert">
          {refusalWords(search.refused, search.by)}
        </Note>
      )}
      <ProblemNote error={ways.error} />
      {ways.isPending && <Waiting lines={3} what="your ways to sign in" />}
      {ways.data && (
        <table className={list.table}>
          <thead>
            <tr>
              <th scope="col">With</th>
              <th scope="col">
                <span className="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {providers.map((way) => (
              <tr key={way.provider}>
                <td>
                  <span className={classes.provider}>
                    <ProviderMark provider={way.provider} />
                    {PROVIDER_NAMES[way.provider]}
                  </span>
                  <div className={list.under}>
                    {way.linked_at === null ? "Not linked" : `Linked since ${onDate(way.linked_at)}`}
                  </div>
                </td>
                <td className={list.right}>
                  {way.linked_at === null ? (
                    <Button
                      variant="default"
                      size="compact-sm"
                      onClick={() => setLinking(way)}
                      aria-label={`Link ${PROVIDER_NAMES[way.provider]}`}
                    >
                      Link
                    </Button>
                  ) : (
                    <Button
                      variant="subtle"
                      size="compact-sm"
                      onClick={() => setEnding(way)}
                      aria-label={`Unlink ${PROVIDER_NAMES[way.provider]}`}
                    >
                      Unlink
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {linking && ways.data && (
        <LinkDialog
          provider={linking.provider}
          hasPassword={ways.data.has_password}
          onClose={() => setLinking(null)}
        />
      )}
      {ending && ways.data && (
        <UnlinkDialog way={ending} mayUnlink={ways.data.may_unlink} onClose={() => setEnding(null)} />
      )}
    </Panel>
  );
}

function UnlinkDialog({ way, mayUnlink, onClose }: { way: WayIn; mayUnlink: boolean; onClose: () => void }) {
  const client = useQueryClient();
  const name = PROVIDER_NAMES[way.provider];
  const unlink = useMutation({
    mutationFn: () => answer(api.POST("/api/ways-in/unlink", { body: { provider: way.provider } })),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.waysIn });
      onClose();
    },
  });
  if (wantsProof(unlink.error)) {
    return <ProofDialog onProved={() => unlink.mutate()} onClose={() => unlink.reset()} />;
  }
  return (
    <Dialog title={`Unlink ${name}?`} onClose={onClose}>
      <div className="stack">
        {mayUnlink ? (
          <p>You no longer sign in with {name}. You can link it again at any time.</p>
        ) : (
          <p>It is your only way in. Set a password below first, then unlink {name}.</p>
        )}
        <ProblemNote error={unlink.error} />
        <div className="row">
          {mayUnlink && (
            <Button color="red.9" onClick={() => unlink.mutate()} loading={unlink.isPending}>
              Unlink
            </Button>
          )}
          <Button variant="default" onClick={onClose}>
            {mayUnlink ? "Cancel" : "Close"}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
