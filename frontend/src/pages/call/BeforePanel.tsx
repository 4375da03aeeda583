import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { answer, api } from "../../api/client";
import { useIntent } from "../../api/intent";
import { keepAnswer } from "../../api/keepAnswer";
import { keys } from "../../api/keys";
import { asProblem } from "../../api/problem";
import { dialCheckQuery } from "../../api/queries";
import type { Call, DialCheck, Lead } from "../../api/types";
import { PhoneIcon } from "../../components/icons";
import { Note, ProblemNote } from "../../components/Note";
import { useKey } from "../../components/useKey";
import { Waiting } from "../../components/Waiting";
import { credits } from "../../format/credits";
import { longTime } from "../../format/time";
import { MicrophoneCheck } from "../../softphone/MicrophoneCheck";
import { connect, prepare } from "../../softphone/softphone";
import { useSoftphone } from "../../softphone/state";
import { useMicrophoneAllowed } from "../../softphone/useMicrophoneAllowed";
import { useWay, WayChoice } from "../../softphone/WayChoice";
import classes from "./CallPage.module.css";

const DIAL = ["dial"];

export function useDialCheck(leadId: string | undefined) {
  return useQuery({ ...dialCheckQuery(leadId ?? ""), enabled: leadId !== undefined });
}

interface BeforePanelProps {
  lead: Lead;
  onStarted: (call: Call) => void;
  /** What else can be done with the lead; stands below the button. */
  children?: ReactNode;
}

/** What holds before dialling, and the button; when it cannot be pressed, why and what to do. */
export function BeforePanel({ lead, onStarted, children }: BeforePanelProps) {
  const client = useQueryClient();
  // A call that may have been placed in one way is not the one that the other way asks for.
  const intents = { phone: useIntent(), browser: useIntent() };
  const check = useDialCheck(lead.id);
  const way = useWay(check.data);
  const intent = intents[way];
  const dial = useMutation({
    mutationKey: DIAL,
    mutationFn: async (): Promise<Call> => {
      if (way === "browser") await prepare();
      const { dial_token, ...call } = await answer(
        api.POST("/api/calls", {
          params: { header: { "Idempotency-Key": intent.key() } },
          body: { lead_id: lead.id, way },
        }),
      );
      if (dial_token !== null) connect(call.id, dial_token);
      return call;
    },
    // The intent lasts as long as this panel: a click after the answer, before the page has changed, is the same call.
    onSuccess: (call) => {
      keepAnswer(client, keys.calls.one(call.id), { ...call, speech: [] });
      keepAnswer(client, keys.calls.current, call);
      void client.invalidateQueries({ queryKey: keys.leads.lists });
      onStarted(call);
    },
    onError: (error) => {
      // After a lost connection the same call may have been placed: only an answer ends the intent.
      if (asProblem(error)?.status !== 0) intent.done();
      void client.invalidateQueries({ queryKey: keys.leads.dialCheck(lead.id) });
    },
  });
  const { microphoneWorks } = useSoftphone();
  const allowed = useMicrophoneAllowed();
  // Before the first call in a browser its microphone has to be heard; later ones find out by themselves.
  const heard = way === "phone" || microphoneWorks || allowed;
  const mayCall = check.data?.may_call === true && heard;
  function press(): void {
    // The cache knows of the first click before this component is drawn again.
    if (mayCall && client.isMutating({ mutationKey: DIAL }) === 0) dial.mutate();
  }
  useKey("c", press, mayCall);
  return (
    <>
      <Button
        size="md"
        leftSection={<PhoneIcon />}
        disabled={!mayCall}
        loading={dial.isPending}
        aria-describedby="call-refusals"
        onClick={press}
      >
        Call
      </Button>
      {children}
      <div id="call-refusals" className="stack">
        {check.data?.refusals.map((refusal) => (
          <Note
            key={refusal.code}
            tone="warn"
            action={refusal.code === "insufficient_credit" && <Link to="/credits">Buy credits</Link>}
          >
            {refusal.message}
          </Note>
        ))}
      </div>
      <ProblemNote error={dial.error} />
      <ProblemNote error={check.error} />
      {check.data && <WayChoice check={check.data} />}
      {way === "browser" && <MicrophoneCheck />}
      {check.isPending && <Waiting lines={6} what="what holds for this call" />}
      {check.data && <Facts check={check.data} />}
    </>
  );
}

function Facts({ check }: { check: DialCheck }) {
  return (
    <dl className={classes.facts}>
      <div>
        <dt>Price a minute</dt>
        <dd>{credits(check.price_mcredits_per_minute)}</dd>
      </div>
      <div>
        <dt>You have</dt>
        <dd>{credits(check.available_mcredits)}</dd>
      </div>
      {check.cap_left_mcredits !== null && (
        <div>
          <dt>Left of your month</dt>
          <dd>{credits(check.cap_left_mcredits)}</dd>
        </div>
      )}
      {check.workspace_left_mcredits !== null && (
        <div>
          <dt>Left of your team's month</dt>
          <dd>{credits(check.workspace_left_mcredits)}</dd>
        </div>
      )}
      <div>
        <dt>Longest call</dt>
        <dd>{check.longest_call_s > 0 ? longTime(check.longest_call_s) : "None"}</dd>
      </div>
      <div>
        <dt>Their time</dt>
        <dd>
          {check.callee_local_time}
          <br />
          <span className="quiet">{check.callee_time_zone.replaceAll("_", " ")}</span>
        </dd>
      </div>
      <div>
        <dt>Calling hours</dt>
        <dd>{hoursThere(check)}</dd>
      </div>
      <div>
        <dt>Do-not-call list</dt>
        <dd>{check.suppressed ? "On it: must not be called" : "Not on it"}</dd>
      </div>
      {check.text_refused && (
        <div>
          <dt>Text</dt>
          <dd>None: they refused it before</dd>
        </div>
      )}
    </dl>
  );
}

function hoursThere({ public_holiday: holiday, within_calling_hours: within }: DialCheck): string {
  if (holiday !== null) return `Public holiday there: ${holiday}`;
  return within ? "A good hour to call" : "Outside calling hours there";
}
