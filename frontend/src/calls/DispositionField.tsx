import { NativeSelect } from "@mantine/core";
import type { Call, Disposition } from "../api/types";
import { ProblemNote } from "../components/Note";
import { canHaveCome, DISPOSITION_WORDS, RESULT_WORDS } from "./status";
import { useDisposition } from "./useDisposition";

/** What the rep makes of a call. */
export function DispositionField({ call }: { call: Call }) {
  const { chosen, choose, error } = useDisposition(call);
  const offered = (Object.keys(DISPOSITION_WORDS) as Disposition[]).filter(
    (each) => each === chosen || canHaveCome(each, call),
  );
  return (
    <>
      <NativeSelect
        label="How did it go?"
        value={chosen ?? ""}
        onChange={(event) => choose((event.currentTarget.value || null) as Disposition | null)}
        data={[
          { value: "", label: call.outcome ? `${RESULT_WORDS[call.outcome]}, nothing more` : "Choose" },
          ...offered.map((value) => ({ value, label: DISPOSITION_WORDS[value] })),
        ]}
      />
      <ProblemNote error={error} />
    </>
  );
}
