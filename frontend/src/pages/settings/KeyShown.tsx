import { Button, CopyButton, TextInput } from "@mantine/core";
import type { ApiKeyMade } from "../../api/types";
import { Note } from "../../components/Note";

/** The only sight of a key. */
export function KeyShown({ made, onClose }: { made: ApiKeyMade; onClose: () => void }) {
  return (
    <Note tone="good" title={`The key of ${made.name}`}>
      <div className="stack">
        <p>Copy it now: it is shown this once and kept nowhere.</p>
        <TextInput
          aria-label="The key"
          readOnly
          autoFocus
          value={made.key}
          onFocus={(event) => event.currentTarget.select()}
          spellCheck={false}
        />
        <div className="row">
          <CopyButton value={made.key}>
            {({ copied, copy }) => <Button onClick={copy}>{copied ? "Copied" : "Copy the key"}</Button>}
          </CopyButton>
          <Button variant="default" onClick={onClose}>
            I have it
          </Button>
        </div>
      </div>
    </Note>
  );
}
