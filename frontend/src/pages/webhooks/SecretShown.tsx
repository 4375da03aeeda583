import { Button, CopyButton, TextInput } from "@mantine/core";
import type { WebhookSecret } from "../../api/types";
import { Note } from "../../components/Note";
import { atDateTime } from "../../format/time";
import { hostOf } from "./words";

/** The only sight of a secret. */
export function SecretShown({ made, onClose }: { made: WebhookSecret; onClose: () => void }) {
  return (
    <Note tone="good" title={`The secret of ${hostOf(made.url)}`}>
      <div className="stack">
        <p>
          Copy it now: it is shown this once. With it your server checks that a message is from us.
          {made.two_secrets_until &&
            ` Until ${atDateTime(made.two_secrets_until)} messages are signed with the one before as well.`}
        </p>
        <TextInput
          aria-label="The secret"
          readOnly
          autoFocus
          value={made.secret}
          onFocus={(event) => event.currentTarget.select()}
          spellCheck={false}
        />
        <div className="row">
          <CopyButton value={made.secret}>
            {({ copied, copy }) => <Button onClick={copy}>{copied ? "Copied" : "Copy the secret"}</Button>}
          </CopyButton>
          <Button variant="default" onClick={onClose}>
            I have it
          </Button>
        </div>
      </div>
    </Note>
  );
}
