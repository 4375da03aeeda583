import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { asProblem } from "../../api/problem";
import type { Provider } from "../../api/types";
import { Dialog } from "../../components/Dialog";
import { ProblemNote } from "../../components/Note";
import { atTime } from "../../format/time";
import { PROVIDER_NAMES } from "../auth/providers";

// Refusals that are about what was typed stand below the field.
const OF_PROOF = new Set(["password_wrong", "otp_wrong", "otp_expired", "proof_missing"]);

/** Asks once more who it is, by password or by a code, and goes to the provider. */
export function LinkDialog({
  provider,
  hasPassword,
  onClose,
}: {
  provider: Provider;
  hasPassword: boolean;
  onClose: () => void;
}) {
  const [proof, setProof] = useState("");
  const send = useMutation({ mutationFn: () => answer(api.POST("/api/ways-in/code")) });
  const link = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/ways-in/link", {
          body: hasPassword ? { provider, present: proof } : { provider, code: proof.replaceAll(/\s/g, "") },
        }),
      ),
    onSuccess: ({ url }) => window.location.assign(url),
  });
  const problem = asProblem(link.error);
  const wrong =
    problem && OF_PROOF.has(problem.code)
      ? problem.detail
      : problem?.forField(hasPassword ? "present" : "code");
  const field = {
    value: proof,
    onChange: (event: React.ChangeEvent<HTMLInputElement>) => setProof(event.currentTarget.value),
    error: wrong,
    required: true,
    autoFocus: true,
  };
  const name = PROVIDER_NAMES[provider];
  return (
    <Dialog title={`Link ${name}`} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!link.isPending) link.mutate();
        }}
      >
        <p>You go to {name} and come back here. Afterwards you can sign in with it too.</p>
        {hasPassword && <PasswordInput label="Your password" autoComplete="current-password" {...field} />}
        {!hasPassword && !send.data && (
          <>
            <p>So that nobody else does this in your name, we send a code to your phone first.</p>
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
        {(hasPassword || send.data) && (
          <div className="row">
            <Button type="submit" loading={link.isPending}>
              Go to {name}
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
