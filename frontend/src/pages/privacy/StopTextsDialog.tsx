import { Button } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { balanceQuery } from "../../api/creditQueries";
import { useSignedIn } from "../../app/useSession";
import { Dialog } from "../../components/Dialog";
import { ProblemNote } from "../../components/Note";
import { credits } from "../../format/credits";
import classes from "./PrivacyPage.module.css";

/** Says what is lost with the text messages before it takes the consent back. */
export function StopTextsDialog({ onClose }: { onClose: () => void }) {
  const { user, workspace, permissions } = useSignedIn();
  const balance = useQuery(balanceQuery);
  const stop = useMutation({
    mutationFn: () => answer(api.DELETE("/api/privacy/consents/sms")),
    onSuccess: () => window.location.replace("/texts-stopped"),
  });
  return (
    <Dialog title="Stop text messages?" onClose={onClose}>
      <div className="stack">
        <p>Every sign-in needs a passcode by text message to {user.mobile_e164}. Without them:</p>
        <ul className={classes.lost}>
          <li>you are signed out everywhere within seconds and cannot sign in until you agree again,</li>
          {permissions.manage_workspace && balance.data && (
            <li>
              you cannot use the {credits(balance.data.available_mcredits)} of {workspace.name},
            </li>
          )}
          {permissions.manage_keys && <li>programs that use your API keys are refused,</li>}
          {permissions.manage_workspace && <li>automatic top-up goes on if you have turned it on,</li>}
          <li>a call that is going on is charged until it ends.</li>
        </ul>
        <p className="quiet">
          Nothing is deleted. To agree again at any time, sign in with your e-mail and password.
        </p>
        <ProblemNote error={stop.error} />
        <div className="row">
          <Button
            color="red.9"
            onClick={() => stop.mutate()}
            loading={balance.isPending || stop.isPending || stop.isSuccess}
          >
            Stop text messages
          </Button>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
