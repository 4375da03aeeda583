import { Note } from "../components/Note";
import { useSoftphone } from "./state";
import { failureWords } from "./words";

/** Why the sound of a call in this page did not come about, or broke off; nothing of a call that ended as calls do. */
export function FailureNote({ callId }: { callId: string }) {
  const { failure } = useSoftphone();
  if (failure?.callId !== callId) return null;
  const { title, detail } = failureWords(failure.why);
  return (
    <Note tone="bad" role="alert" title={title}>
      {detail}
    </Note>
  );
}
