import { Button, Checkbox, NativeSelect, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { asProblem } from "../../api/problem";
import type { ApiKeyMade, Scope } from "../../api/types";
import { ProblemNote } from "../../components/Note";
import { ProofDialog, wantsProof } from "./ProofDialog";
import { SCOPE_WORDS } from "./scopeWords";

const ENDS = [
  { value: "30", label: "in 30 days" },
  { value: "90", label: "in 90 days" },
  { value: "365", label: "in a year" },
  { value: "730", label: "in two years" },
];

export function KeyForm({ onMade, onClose }: { onMade: (key: ApiKeyMade) => void; onClose: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<Scope[]>([]);
  const [ends, setEnds] = useState("365");
  const make = useMutation({
    mutationFn: () =>
      answer(api.POST("/api/keys", { body: { name, scopes, expires_in_days: Number(ends) } })),
    onSuccess: async (made) => {
      await client.invalidateQueries({ queryKey: keys.apiKeys });
      onMade(made);
    },
  });
  const problem = asProblem(make.error);
  return (
    <form
      className="stack"
      aria-label="New key"
      onSubmit={(event) => {
        event.preventDefault();
        if (scopes.length > 0 && !make.isPending) make.mutate();
      }}
    >
      <TextInput
        label="Name"
        description="Which program it is for"
        required
        maxLength={60}
        autoFocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        error={problem?.forField("name")}
      />
      <Checkbox.Group
        label="It may"
        value={scopes}
        onChange={(chosen) => setScopes(chosen as Scope[])}
        error={problem?.forField("scopes")}
      >
        <div className="stack">
          {(Object.keys(SCOPE_WORDS) as Scope[]).map((scope) => (
            <Checkbox key={scope} value={scope} label={SCOPE_WORDS[scope]} />
          ))}
        </div>
      </Checkbox.Group>
      <NativeSelect
        label="It ends"
        description="You are told by mail two weeks before"
        value={ends}
        onChange={(event) => setEnds(event.currentTarget.value)}
        data={ENDS}
      />
      {problem?.errors.length === 0 && !wantsProof(problem) && <ProblemNote error={problem} />}
      {wantsProof(problem) && <ProofDialog onProved={() => make.mutate()} onClose={() => make.reset()} />}
      <div className="row">
        <Button type="submit" disabled={scopes.length === 0} loading={make.isPending}>
          Make the key
        </Button>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
