import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "../api/client";
import { keepAnswer } from "../api/keepAnswer";
import { keys } from "../api/keys";
import type { Call, CallWithSpeech } from "../api/types";
import { Dialog } from "../components/Dialog";
import { ProblemNote } from "../components/Note";
import { type WallState, withCall } from "../live/wall";

interface EndCallProps {
  call: { id: string; user: Call["user"]; lead: { name: string } };
  onClose: () => void;
}

/** Asks once more before a colleague's call is ended. */
export function EndCallDialog({ call, onClose }: EndCallProps) {
  const client = useQueryClient();
  const end = useMutation({
    mutationFn: () =>
      answer(api.POST("/api/calls/{call_id}/hangup", { params: { path: { call_id: call.id } } })),
    onSuccess: (next) => {
      keepAnswer<CallWithSpeech>(client, keys.calls.one(call.id), (held) =>
        held && next.sequence >= held.sequence ? { ...held, ...next } : held,
      );
      keepAnswer<WallState>(client, keys.calls.wall, (held) => held && withCall(held, next));
      onClose();
    },
  });
  return (
    <Dialog title={`End ${call.user.name}'s call?`} onClose={onClose}>
      <div className="stack">
        <p>
          {call.user.name} and {call.lead.name} are cut off at once. {call.user.name} sees that it was you,
          and it stands in the team's activity.
        </p>
        <ProblemNote error={end.error} />
        <div className="row">
          <Button color="red.9" onClick={() => end.mutate()} loading={end.isPending}>
            End the call
          </Button>
          <Button variant="default" onClick={onClose}>
            Let it go on
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
