import { Button, Kbd } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type KeyboardEvent, useRef, useState } from "react";
import { answer, api } from "../../../api/client";
import type { DeskCasePage, DeskStep } from "../../../api/types";
import { Note, ProblemNote } from "../../../components/Note";
import { Panel } from "../../../components/Page";
import { useKey } from "../../../components/useKey";
import { CorrectForm } from "./CorrectForm";
import classes from "./Desk.module.css";
import { GrantForm } from "./GrantPanel";
import { AnswerForm, CarryOutForm, ReplyForm, SortForm, TextForm } from "./StepForms";
import { StopTextsForm } from "./StopTextsForm";
import { useKeepPage } from "./useKeepPage";
import { STEP_KEYS, STEP_WORDS } from "./words";

/** Steps that are done by the click itself; the others ask for something first. */
const AT_ONCE = ["take", "resume", "take_back"] as const;
type AtOnce = (typeof AT_ONCE)[number];
// These stand in a panel of their own.
const ELSEWHERE: readonly DeskStep[] = ["approve", "withdraw"];

const isAtOnce = (step: DeskStep): step is AtOnce => (AT_ONCE as readonly DeskStep[]).includes(step);

/** What may be done next, the likeliest first, each with its key. */
export function StepsPanel({ page }: { page: DeskCasePage }) {
  const [chosen, setChosen] = useState<DeskStep | null>(null);
  const buttons = useRef<HTMLDivElement>(null);
  const keep = useKeepPage();
  const path = { reference: page.case.reference };
  const atOnce = useMutation({
    mutationFn: (step: AtOnce) => {
      const params = { path };
      if (step === "take") return answer(api.POST("/api/staff/cases/{reference}/take", { params }));
      if (step === "resume") return answer(api.POST("/api/staff/cases/{reference}/resume", { params }));
      return answer(api.POST("/api/staff/cases/{reference}/deletion/take-back", { params }));
    },
    onSuccess: keep,
  });
  const steps = page.may.filter((step) => !ELSEWHERE.includes(step));
  const open = chosen !== null && steps.includes(chosen) ? chosen : null;
  const go = (step: DeskStep) => {
    if (isAtOnce(step)) {
      setChosen(null);
      if (!atOnce.isPending) atOnce.mutate(step);
    } else setChosen(step === open ? null : step);
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || event.nativeEvent.isComposing || holdsText(event.target)) return;
    buttons.current?.querySelector<HTMLElement>("[aria-expanded=true]")?.focus();
    setChosen(null);
  };
  if (steps.length === 0) {
    return (
      <Panel title="Next">
        <p className="quiet">
          {page.case.days_left === null
            ? "This case is answered. Write down another for what is new."
            : "Your role has nothing to do here."}
        </p>
      </Panel>
    );
  }
  return (
    <Panel title="Next">
      {!page.case.proved_by && page.case.days_left !== null && (
        <Note tone="warn">
          Nobody has shown who asks. Until then only fixed replies go out, and nothing is carried out.
        </Note>
      )}
      <div ref={buttons} className={classes.steps}>
        {steps.map((step, place) => (
          <StepButton
            key={step}
            step={step}
            first={place === 0 && !page.prepared}
            pressed={step === open}
            onGo={() => go(step)}
          />
        ))}
      </div>
      <ProblemNote error={atOnce.error} />
      {open && (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset would draw a frame around a form.
        <div role="group" aria-label={STEP_WORDS[open]} onKeyDown={pressed}>
          <StepForm key={open} step={open} page={page} onDone={() => setChosen(null)} />
        </div>
      )}
      <p className="quiet">
        <Kbd>u</Kbd> goes back to the queue, <Kbd>Esc</Kbd> closes a step in which nothing is written.
      </p>
    </Panel>
  );
}

/** What somebody has written is not thrown away by one key. */
function holdsText(target: EventTarget): boolean {
  const writes = target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement;
  return writes && target.value.trim() !== "";
}

interface StepButtonProps {
  step: DeskStep;
  first: boolean;
  pressed: boolean;
  onGo: () => void;
}

function StepButton({ step, first, pressed, onGo }: StepButtonProps) {
  const key = STEP_KEYS[step];
  useKey(key ?? "", onGo, key !== undefined);
  return (
    <Button
      variant={first ? "filled" : pressed ? "light" : "default"}
      onClick={onGo}
      aria-expanded={isAtOnce(step) ? undefined : pressed}
      aria-keyshortcuts={key}
      rightSection={key && <Kbd size="xs">{key}</Kbd>}
    >
      {STEP_WORDS[step]}
    </Button>
  );
}

function StepForm({ step, page, onDone }: { step: DeskStep; page: DeskCasePage; onDone: () => void }) {
  const path = { reference: page.case.reference };
  const keep = useKeepPage();
  const done = (found: DeskCasePage) => {
    keep(found);
    onDone();
  };
  const params = { path };
  switch (step) {
    case "reply":
      return <ReplyForm page={page} onDone={done} />;
    case "sort":
      return <SortForm page={page} onDone={done} />;
    case "grant":
      return <GrantForm page={page} onDone={done} />;
    case "correct":
      return <CorrectForm page={page} onDone={done} />;
    case "carry_out":
      return page.case.kind === "opt_out" ? (
        <StopTextsForm page={page} onDone={done} />
      ) : (
        <CarryOutForm page={page} onDone={done} />
      );
    case "close":
    case "refuse":
      return <AnswerForm page={page} refuses={step === "refuse"} onDone={done} />;
    case "prove":
      return (
        <TextForm
          label="Whose data is meant"
          description="The whole e-mail of the account, or the number with its country code. Empty when you only recognised the person."
          button="I have recognised who asks"
          optional
          onSend={(whose) =>
            answer(api.POST("/api/staff/cases/{reference}/prove", { params, body: { whose } }))
          }
          onDone={done}
        />
      );
    case "mail_proof":
      return (
        <TextForm
          label="Whole e-mail of the account"
          description="For who cannot sign in. A link goes to this account's own address; who presses its button shows that the request is theirs. Tell whoever asked nothing of it, not even whether there is an account."
          button="Mail the link"
          onSend={(email) =>
            answer(api.POST("/api/staff/cases/{reference}/proof-link", { params, body: { email } }))
          }
          onDone={done}
        />
      );
    case "pause":
      return (
        <TextForm
          label="What it waits for"
          description="The last day for the answer stays."
          button="Pause"
          onSend={(reason) =>
            answer(api.POST("/api/staff/cases/{reference}/pause", { params, body: { reason } }))
          }
          onDone={done}
        />
      );
    case "lift":
      return (
        <TextForm
          label="Why the restriction ends"
          description="The person's data is used again from then on."
          button="Lift the restriction"
          onSend={(reason) =>
            answer(api.POST("/api/staff/cases/{reference}/lift", { params, body: { reason } }))
          }
          onDone={done}
        />
      );
    default:
      return (
        <TextForm
          label="Note"
          description="For whoever reads the case next; nobody else sees it, but the person gets it with a copy of the data."
          button="Keep the note"
          long
          onSend={(text) => answer(api.POST("/api/staff/cases/{reference}/note", { params, body: { text } }))}
          onDone={done}
        />
      );
  }
}
