import { useMutation } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import type { Provider } from "../../api/types";
import { Dialog } from "../../components/Dialog";
import { PROVIDER_NAMES } from "../auth/providers";
import { type Proof, ProofForm } from "./ProofForm";

interface LinkDialogProps {
  provider: Provider;
  hasPassword: boolean;
  onClose: () => void;
}

/** Asks once more who it is, and goes to the provider. */
export function LinkDialog({ provider, hasPassword, onClose }: LinkDialogProps) {
  const link = useMutation({
    mutationFn: (proof: Proof) => answer(api.POST("/api/ways-in/link", { body: { provider, ...proof } })),
    onSuccess: ({ url }) => window.location.assign(url),
  });
  const name = PROVIDER_NAMES[provider];
  return (
    <Dialog title={`Link ${name}`} onClose={onClose}>
      <ProofForm
        hasPassword={hasPassword}
        whyCode="So that nobody else does this in your name, we send a code to your phone first."
        goOn={`Go to ${name}`}
        isPending={link.isPending}
        error={link.error}
        onProof={link.mutate}
        onClose={onClose}
      >
        <p>You go to {name} and come back here. Afterwards you can sign in with it too.</p>
      </ProofForm>
    </Dialog>
  );
}
