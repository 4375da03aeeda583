import { Button, FileInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import type { ErasureReceipt } from "../../api/types";
import { Note, ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { saveFile } from "../../components/saveFile";

type Signed = NonNullable<ErasureReceipt["signed"]>;

/** The receipt to keep, and whether one that was kept is ours. */
export function SignedReceipt({ signed }: { signed: Signed }) {
  const check = useMutation({
    mutationFn: async (file: File) => {
      const body = shownIn(await file.text());
      return body ? answer(api.POST("/api/erasure-receipts/check", { body })) : { genuine: false };
    },
  });
  return (
    <Panel title="Signed receipt">
      {signed.genuine ? (
        <p className="quiet">
          Signed by us when it was done. Whoever has the file can see here, or by our public key, that nobody
          has changed it since.
        </p>
      ) : (
        <Note tone="bad" title="This receipt is not what was signed">
          What we hold of this deletion was changed after it was signed. Write to us.
        </Note>
      )}
      <div>
        <Button variant="default" onClick={() => save(signed)}>
          Download the signed receipt
        </Button>
      </div>
      <FileInput
        label="Check a receipt"
        description="A file that was downloaded here; it is not kept."
        accept="application/json"
        onChange={(file) => file && check.mutate(file)}
      />
      <ProblemNote error={check.error} />
      {check.data && (
        <Note
          role="status"
          tone={check.data.genuine ? "good" : "bad"}
          title={check.data.genuine ? "This is ours" : "This is not ours"}
        >
          {check.data.genuine
            ? "We signed exactly this."
            : "We did not sign it, or somebody has changed it since."}
        </Note>
      )}
    </Panel>
  );
}

function shownIn(file: string): { text: string; signature: string } | null {
  try {
    const { text, signature } = JSON.parse(file);
    return typeof text === "string" && typeof signature === "string" ? { text, signature } : null;
  } catch {
    return null;
  }
}

function save({ text, signature, public_key }: Signed): void {
  saveFile(
    "klosesales-deletion.json",
    JSON.stringify({ text, signature, public_key }, null, 2),
    "application/json",
  );
}
