import { TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { answer, api } from "../../../api/client";
import { asProblem } from "../../../api/problem";
import type { DeskCasePage } from "../../../api/types";
import { Panel } from "../../../components/Page";
import { Tag } from "../../../components/Tag";
import { useForm } from "../../../components/useForm";
import { atDateTime } from "../../../format/time";
import classes from "./Desk.module.css";
import { Frame } from "./StepForms";
import { FACT_WORDS } from "./words";

/** What is right, of an account's name or of what customers keep about a number. */
export function CorrectForm({ page, onDone }: { page: DeskCasePage; onDone: (page: DeskCasePage) => void }) {
  const { values, field } = useForm({ number: "", first_name: "", last_name: "", company: "" });
  const params = { path: { reference: page.case.reference } };
  const correct = useMutation({
    mutationFn: () => answer(api.POST("/api/staff/cases/{reference}/correct", { params, body: values })),
    onSuccess: onDone,
  });
  const problem = asProblem(correct.error);
  const isAccount = page.person.kind === "account";
  const atNumber = problem?.code === "mobile_invalid" && problem.detail;
  const empty = !values.first_name.trim() && !values.last_name.trim() && !values.company.trim();
  return (
    <Frame
      error={atNumber ? null : correct.error}
      pending={correct.isPending}
      disabled={empty}
      button="Put it right"
      onSend={() => correct.mutate()}
    >
      <p>
        {isAccount
          ? "The name of the account. An address or a mobile number is changed by the person, in the settings, because the new one has to be proved."
          : "Of every customer who keeps this number. What is left empty stays as it is."}
      </p>
      {page.person.kind === "number_not_kept" && (
        <TextInput
          w="100%"
          label="The number that was proved"
          description="It is not kept with the case."
          type="tel"
          required
          autoComplete="off"
          maxLength={40}
          error={atNumber}
          {...field("number")}
        />
      )}
      <TextInput w="100%" label="First name" autoComplete="off" maxLength={80} {...field("first_name")} />
      <TextInput w="100%" label="Last name" autoComplete="off" maxLength={80} {...field("last_name")} />
      {!isAccount && (
        <TextInput w="100%" label="Company" autoComplete="off" maxLength={120} {...field("company")} />
      )}
    </Frame>
  );
}

/** How far everything that was made of what was wrong has followed. */
export function CorrectionsPanel({ corrections }: { corrections: DeskCasePage["corrections"] }) {
  const going = corrections.some((each) => !each.done_at);
  return (
    <Panel
      title="Put right"
      aside={<Tag tone={going ? "warn" : "good"}>{going ? "Follows" : "Nothing old is left"}</Tag>}
    >
      <ul className={classes.entries}>
        {corrections.map((each) => (
          <li key={each.began_at} className={classes.entry}>
            {each.what.map((fact) => FACT_WORDS[fact]).join(", ")}, {atDateTime(each.began_at)}
            <div className={classes.quietly}>
              {each.done_at
                ? `Looked for everywhere and not found on ${atDateTime(each.done_at)}.`
                : each.left === null
                  ? "What was made of it is being made anew."
                  : `What was wrong is still in ${each.left} ${each.left === 1 ? "place" : "places"}.`}
            </div>
          </li>
        ))}
      </ul>
      {going && (
        <p className="quiet">It goes on by itself. The case can be answered when nothing old is left.</p>
      )}
    </Panel>
  );
}
