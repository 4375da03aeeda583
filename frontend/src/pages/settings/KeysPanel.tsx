import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { apiKeysQuery } from "../../api/queries";
import type { ApiKey, ApiKeyMade } from "../../api/types";
import { Dialog } from "../../components/Dialog";
import list from "../../components/List.module.css";
import { ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { Waiting } from "../../components/Waiting";
import { onDate, when } from "../../format/time";
import { KeyForm } from "./KeyForm";
import { KeyShown } from "./KeyShown";
import { SCOPE_WORDS } from "./scopeWords";

/** Keys with which programs of the workspace use the API. */
export function KeysPanel() {
  const query = useQuery(apiKeysQuery);
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<ApiKeyMade | null>(null);
  const again = useRef<HTMLButtonElement>(null);
  const items = query.data?.items;
  return (
    <Panel
      title="API keys"
      aside={
        items &&
        !making && (
          <Button ref={again} variant="default" size="compact-sm" onClick={() => setMaking(true)}>
            New key
          </Button>
        )
      }
    >
      <p className="quiet">
        A program that presents a key acts as whoever made it, within what the key allows. See{" "}
        <a href="/api/openapi.json" target="_blank" rel="noreferrer">
          what programs can ask
        </a>
        .
      </p>
      <ProblemNote error={query.error} />
      {query.isPending && <Waiting lines={2} what="the keys" />}
      {made && (
        <KeyShown
          made={made}
          onClose={() => {
            setMade(null);
            again.current?.focus();
          }}
        />
      )}
      {making && (
        <KeyForm
          onMade={(key) => {
            setMade(key);
            setMaking(false);
          }}
          onClose={() => setMaking(false)}
        />
      )}
      {items?.length === 0 && !making && <p>No key yet. A CRM or a script of your own needs one.</p>}
      {items && items.length > 0 && <Keys items={items} />}
    </Panel>
  );
}

function Keys({ items }: { items: ApiKey[] }) {
  const [ending, setEnding] = useState<ApiKey | null>(null);
  const now = new Date();
  return (
    <>
      <table className={list.table}>
        <thead>
          <tr>
            <th scope="col">Key</th>
            <th scope="col" className={list.minor}>
              Last used
            </th>
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((key) => (
            <tr key={key.id}>
              <td>
                <strong>{key.name}</strong> <span className="num quiet">…{key.hint}</span>
                <div className={list.under}>{key.scopes.map((scope) => SCOPE_WORDS[scope]).join(", ")}</div>
                <div className={list.under}>
                  by {key.made_by}, {endWords(key, now)}
                </div>
              </td>
              <td className={`num ${list.minor}`}>
                {key.last_used_at ? when(key.last_used_at, now) : "Never"}
              </td>
              <td className={list.right}>
                <Button
                  variant="subtle"
                  size="compact-sm"
                  onClick={() => setEnding(key)}
                  aria-label={`Revoke ${key.name}`}
                >
                  Revoke
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {ending && <RevokeDialog apiKey={ending} onClose={() => setEnding(null)} />}
    </>
  );
}

function endWords({ expires_at }: ApiKey, now: Date): string {
  return `${new Date(expires_at) > now ? "ends" : "ended"} ${onDate(expires_at)}`;
}

function RevokeDialog({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const client = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => answer(api.DELETE("/api/keys/{key_id}", { params: { path: { key_id: apiKey.id } } })),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.apiKeys });
      onClose();
    },
  });
  return (
    <Dialog title={`Revoke ${apiKey.name}?`} onClose={onClose}>
      <div className="stack">
        <p>Programs that use this key are refused at once. It cannot be brought back.</p>
        <ProblemNote error={revoke.error} />
        <div className="row">
          <Button color="red.9" onClick={() => revoke.mutate()} loading={revoke.isPending}>
            Revoke
          </Button>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
