import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { asProblem } from "../../api/problem";
import { waysInQuery } from "../../api/queries";
import { Dialog } from "../../components/Dialog";
import { ProblemNote } from "../../components/Note";
import { Waiting } from "../../components/Waiting";
import { atTime } from "../../format/time";

// Refusals that are about what was typed stand below the field.
const OF_PROOF = new Set(["password_wrong", "otp_wrong", "otp_expired", "proof_missing"]);

/** Whether somebody has to prove first who sits there. */
export const wantsProof = (error: unknown): boolean => asProblem(error)?.code === "proof_not_recent";

/** Asks once more who it is, by password or by a code; what was wanted goes on afterwards. */
export function ProofDialog({ onProved, onClose }: { onProved: () => void; onClose: () => void }) {
  const ways = useQuery(waysInQuery);
  const [proof, setProof] = useState("");
  const hasPassword = ways.data?.has_password ?? true;
  const send = useMutation({ mutationFn: () => answer(api.POST("/api/ways-in/code")) });
  const prove = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/session/proof", {
          body: hasPassword ? { present: proof } : { code: proof.replaceAll(/\s/g, "") },
        }),
      ),
    onSuccess: onProved,
  });
  const problem = asProblem(prove.error);
  const wrong =
    problem && OF_PROOF.has(problem.code)
      ? problem.detail
      : problem?.forField(hasPassword ? "present" : "code");
  const field = {
    value: proof,
    onChange: (event: React.ChangeEvent<HTMLInputElement>) => setProof(event.currentTarget.value),
    error: wrong,
    required: true,
    // How somebody signs in may be known later than the window opens, which then has chosen what has the focus.
    autoFocus: true,
    "data-autofocus": true,
  };
  return (
    <Dialog title="Is it you?" onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          // The form behind it would take it for its own.
          event.stopPropagation();
          if (!prove.isPending) prove.mutate();
        }}
      >
        <p>
          You signed in some time ago. So that nobody does this at your open browser, prove that it is you.
        </p>
        <ProblemNote error={ways.error} />
        {ways.isPending && <Waiting lines={1} what="how you sign in" />}
        {ways.data && hasPassword && (
          <PasswordInput label="Your password" autoComplete="current-password" {...field} />
        )}
        {ways.data && !hasPassword && !send.data && (
          <>
            <ProblemNote error={send.error} />
            <div className="row">
              <Button onClick={() => send.mutate()} loading={send.isPending} data-autofocus>
                Send a code
              </Button>
            </div>
          </>
        )}
        {!hasPassword && send.data && (
          <TextInput
            label="Code"
            description={`We sent a code to ${send.data.mobile_e164}. It can be used until ${atTime(send.data.expires_at)}.`}
            inputMode="numeric"
            autoComplete="one-time-code"
            maxLength={10}
            {...field}
          />
        )}
        {problem && !wrong && <ProblemNote error={problem} />}
        {ways.data && (hasPassword || send.data) && (
          <div className="row">
            <Button type="submit" loading={prove.isPending}>
              Go on
            </Button>
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
          </div>
        )}
      </form>
    </Dialog>
  );
}
