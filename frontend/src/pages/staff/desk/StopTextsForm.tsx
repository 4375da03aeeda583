import { Checkbox, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../../api/client";
import { asProblem } from "../../../api/problem";
import type { DeskCasePage } from "../../../api/types";
import { credits } from "../../../format/credits";
import { ROLE_WORDS } from "../../team/words";
import { Frame } from "./StepForms";

/** First what whoever asked will lose, which they have to hear; then stopping, once that is confirmed. */
export function StopTextsForm({
  page,
  onDone,
}: {
  page: DeskCasePage;
  onDone: (page: DeskCasePage) => void;
}) {
  const [number, setNumber] = useState("");
  const [confirmed, setConfirmed] = useState(false);
  const params = { path: { reference: page.case.reference } };
  const read = useMutation({
    mutationFn: () =>
      answer(api.POST("/api/staff/cases/{reference}/text-loss", { params, body: { number } })),
  });
  const stop = useMutation({
    mutationFn: () =>
      answer(api.POST("/api/staff/cases/{reference}/carry-out", { params, body: { number, confirmed } })),
    onSuccess: onDone,
  });
  const problem = asProblem(read.error);
  const atNumber = problem?.code === "mobile_invalid" && problem.detail;
  if (!read.data) {
    return (
      <Frame
        error={atNumber ? null : read.error}
        pending={read.isPending}
        button="Show what will be lost"
        onSend={() => read.mutate()}
      >
        <p>
          Without text messages nobody signs in. Read what will be out of reach, tell whoever asks, and stop
          the messages when they want it all the same.
        </p>
        {page.person.kind === "number_not_kept" && (
          <TextInput
            label="The number that was proved"
            description="It is not kept with the case."
            type="tel"
            required
            autoFocus
            autoComplete="off"
            maxLength={40}
            value={number}
            error={atNumber}
            onChange={(event) => setNumber(event.currentTarget.value)}
          />
        )}
      </Frame>
    );
  }
  return (
    <Frame
      error={stop.error}
      pending={stop.isPending}
      disabled={!confirmed}
      color="red.9"
      button="Stop text messages"
      onSend={() => stop.mutate()}
    >
      {read.data.length === 0 ? (
        <p>No account uses this phone, so nothing is lost. No passcode goes to it any more.</p>
      ) : (
        <>
          <p>
            Whoever uses this phone is signed out at once, and cannot sign in before one of us allows texts
            again and they agree. Out of reach:
          </p>
          <ul>
            {read.data.map((lost) => (
              <li key={`${lost.workspace_name} ${lost.role}`}>
                {lost.workspace_name}, as {ROLE_WORDS[lost.role].a}: its calls, and{" "}
                {credits(lost.available_mcredits)}
              </li>
            ))}
          </ul>
        </>
      )}
      <Checkbox
        label="Whoever asked knows this and wants it"
        checked={confirmed}
        onChange={(event) => setConfirmed(event.currentTarget.checked)}
      />
    </Frame>
  );
}
