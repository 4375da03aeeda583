import { useMutation, useQuery } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { asProblem } from "../../api/problem";
import { waysInQuery } from "../../api/queries";
import { Dialog } from "../../components/Dialog";
import { ProblemNote } from "../../components/Note";
import { Waiting } from "../../components/Waiting";
import { type Proof, ProofForm } from "./ProofForm";

/** Whether somebody has to prove first who sits there. */
export const wantsProof = (error: unknown): boolean => asProblem(error)?.code === "proof_not_recent";

/** Asks once more who it is; what was wanted goes on afterwards. */
export function ProofDialog({ onProved, onClose }: { onProved: () => void; onClose: () => void }) {
  const ways = useQuery(waysInQuery);
  const prove = useMutation({
    mutationFn: (proof: Proof) => answer(api.POST("/api/session/proof", { body: proof })),
    onSuccess: onProved,
  });
  const why =
    "You signed in some time ago. So that nobody does this at your open browser, prove that it is you.";
  return (
    <Dialog title="Is it you?" onClose={onClose}>
      {ways.data ? (
        <ProofForm
          hasPassword={ways.data.has_password}
          goOn="Go on"
          isPending={prove.isPending}
          error={prove.error}
          onProof={prove.mutate}
          onClose={onClose}
        >
          <p>{why}</p>
        </ProofForm>
      ) : (
        <div className="stack">
          <p>{why}</p>
          <ProblemNote error={ways.error} />
          {ways.isPending && <Waiting lines={1} what="how you sign in" />}
        </div>
      )}
    </Dialog>
  );
}
