import { Button } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { sessionQuery } from "../../api/queries";
import type { Provider } from "../../api/types";
import { Note, ProblemNote } from "../../components/Note";
import classes from "./AuthFrame.module.css";
import { PROVIDER_NAMES, ProviderMark, refusalWords } from "./providers";

interface SocialButtonsProps {
  intent: "sign_in" | "sign_up";
  next?: string;
  /** The token of the mailed link that is followed. */
  invitation?: string;
  /** What was refused when a provider sent this browser back. */
  refused?: string;
  by?: Provider;
}

/** Google and Facebook, where they are offered; nothing is asked of them before a button is pressed. */
export function SocialButtons({ intent, next, invitation, refused, by }: SocialButtonsProps) {
  const { data: session } = useQuery(sessionQuery);
  const begin = useMutation({
    mutationFn: (provider: Provider) =>
      answer(api.POST("/api/social/begin", { body: { provider, intent, next, invitation } })),
    onSuccess: ({ url }) => window.location.assign(url),
  });
  const offered = session?.sign_in_with ?? [];
  if (offered.length === 0 && !refused) return null;
  return (
    <div className={classes.social}>
      {refused && !begin.error && (
        <Note tone="warn" role="alert">
          {refusalWords(refused, by)}
        </Note>
      )}
      <ProblemNote error={begin.error} />
      {offered.map((provider) => (
        <Button
          key={provider}
          variant="default"
          leftSection={<ProviderMark provider={provider} />}
          loading={begin.isPending && begin.variables === provider}
          onClick={() => {
            if (!begin.isPending) begin.mutate(provider);
          }}
        >
          Continue with {PROVIDER_NAMES[provider]}
        </Button>
      ))}
      {offered.length > 0 && <p className={classes.or}>or</p>}
    </div>
  );
}
