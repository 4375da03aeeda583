import { NativeSelect } from "@mantine/core";
import type { Call, Disposition } from "../api/types";
import { ProblemNote } from "../components/Note";
import { DISPOSITION_WORDS, RESULT_WORDS } from "./status";
import { useDisposition } from "./useDisposition";

/** What the rep makes of a call. */
export function DispositionField({ call }: { call: Call }) {
  const { chosen, choose, error } = useDisposition(call);
  return (
    <>
      <NativeSelect
        label="How did it go?"
        value={chosen ?? ""}
        onChange={(event) => choose((event.currentTarget.value || null) as Disposition | null)}
        data={[
          { value: "", label: call.outcome ? `${RESULT_WORDS[call.outcome]}, nothing more` : "Choose" },
          ...Object.entries(DISPOSITION_WORDS).map(([value, label]) => ({ value, label })),
        ]}
      />
      <ProblemNote error={error} />
    </>
  );
}
