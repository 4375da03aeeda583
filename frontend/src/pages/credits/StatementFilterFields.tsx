import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { spendersQuery } from "../../api/creditQueries";
import { callQuery } from "../../api/queries";
import type { EntryKind } from "../../api/types";
import type { CreditsSearch } from "../../app/searches";
import { useSignedIn } from "../../app/useSession";
import { KIND_WORDS } from "../../spending/words";
import classes from "./CreditsPage.module.css";

/** What of the statement is shown; it stands in the address. */
export function StatementFilterFields({ filtered }: { filtered: boolean }) {
  const { kind, from, to, member, call } = useSearch({ from: "/app/credits" });
  const navigate = useNavigate({ from: "/credits" });
  const { permissions } = useSignedIn();
  const spenders = useQuery({ ...spendersQuery, enabled: permissions.see_team });
  const ofCall = useQuery({ ...callQuery(call ?? ""), enabled: call !== undefined });

  function choose(change: CreditsSearch): void {
    void navigate({ search: (now) => ({ ...now, ...change }), replace: true, resetScroll: false });
  }

  return (
    <div className={classes.filters}>
      <NativeSelect
        label="Kind"
        value={kind ?? ""}
        onChange={(event) =>
          choose({ kind: (event.currentTarget.value || undefined) as EntryKind | undefined })
        }
        data={[
          { value: "", label: "Spent and bought" },
          ...Object.entries(KIND_WORDS).map(([value, label]) => ({ value, label })),
        ]}
      />
      {permissions.see_team && (
        <NativeSelect
          label="Member"
          value={member ?? ""}
          onChange={(event) => choose({ member: event.currentTarget.value || undefined })}
          data={[
            { value: "", label: "Everybody" },
            ...(spenders.data ?? []).map((person) => ({ value: person.id, label: person.name })),
          ]}
        />
      )}
      <TextInput
        label="From"
        type="date"
        value={from ?? ""}
        max={to}
        onChange={(event) => choose({ from: event.currentTarget.value || undefined })}
      />
      <TextInput
        label="To"
        type="date"
        value={to ?? ""}
        min={from}
        onChange={(event) => choose({ to: event.currentTarget.value || undefined })}
      />
      {call !== undefined && (
        <Button variant="default" onClick={() => choose({ call: undefined })}>
          {ofCall.data ? `Call with ${ofCall.data.lead.name}` : "One call"} ×
        </Button>
      )}
      {filtered && (
        <Button
          variant="subtle"
          onClick={() =>
            choose({ kind: undefined, member: undefined, from: undefined, to: undefined, call: undefined })
          }
        >
          Clear
        </Button>
      )}
    </div>
  );
}
