import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { answer, api } from "../../api/client";
import { asProblem } from "../../api/problem";
import { ProblemNote } from "../../components/Note";
import { atTime } from "../../format/time";

// Refusals that are about what was typed stand below the field.
const OF_PROOF = new Set(["password_wrong", "otp_wrong", "otp_expired", "proof_missing"]);

/** present: the password; code: of who has none. */
export type Proof = { present: string } | { code: string };

interface ProofFormProps {
  hasPassword: boolean;
  /** What is proved for. */
  children: ReactNode;
  /** Why a code is sent, said to whom one is. */
  whyCode?: string;
  /** What the button says that goes on with the proof. */
  goOn: string;
  isPending: boolean;
  /** What the proof was refused with. */
  error: unknown;
  onProof: (proof: Proof) => void;
  onClose: () => void;
}

/** Asks once more who it is: by password, or by a code that is sent first. */
export function ProofForm(props: ProofFormProps) {
  const { hasPassword, isPending } = props;
  const [typed, setTyped] = useState("");
  const send = useMutation({ mutationFn: () => answer(api.POST("/api/ways-in/code")) });
  const problem = asProblem(props.error);
  const wrong =
    problem && OF_PROOF.has(problem.code)
      ? problem.detail
      : problem?.forField(hasPassword ? "present" : "code");
  const field = {
    value: typed,
    onChange: (event: React.ChangeEvent<HTMLInputElement>) => setTyped(event.currentTarget.value),
    error: wrong,
    required: true,
    // How somebody signs in may be known later than the window opens, which then has chosen what has the focus.
    autoFocus: true,
    "data-autofocus": true,
  };
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        // A form behind the window would take it for its own.
        event.stopPropagation();
        if (!isPending)
          props.onProof(hasPassword ? { present: typed } : { code: typed.replaceAll(/\s/g, "") });
      }}
    >
      {props.children}
      {hasPassword && <PasswordInput label="Your password" autoComplete="current-password" {...field} />}
      {!hasPassword && !send.data && (
        <>
          {props.whyCode && <p>{props.whyCode}</p>}
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
          <Button type="submit" loading={isPending}>
            {props.goOn}
          </Button>
          <Button variant="default" onClick={props.onClose}>
            Cancel
          </Button>
        </div>
      )}
    </form>
  );
}
