import { Button, Checkbox, NativeSelect, TextInput } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { packsQuery, topUpWordsQuery } from "../../api/creditQueries";
import { useIntent } from "../../api/intent";
import type { TopUpPlan, TopUpTerms } from "../../api/types";
import { ProblemNote } from "../../components/Note";
import { useForm } from "../../components/useForm";
import { Waiting } from "../../components/Waiting";
import { credits, MCREDITS_PER_CREDIT, money } from "../../format/credits";
import classes from "./CreditsPage.module.css";

const MONTHLY_MAX = 30;

/** Which pack, when, how often; then the exact words, which are agreed to before anything can be charged. */
export function TopUpForm({ held, onCancel }: { held: TopUpPlan | undefined; onCancel: () => void }) {
  const packs = useQuery(packsQuery);
  const intent = useIntent();
  const { values, field, setValues } = useForm({
    pack: held?.price_id ?? "",
    line: held ? String(held.threshold_mcredits / MCREDITS_PER_CREDIT) : "",
    times: held ? String(held.monthly_max) : "2",
  });
  const onSale = packs.data ?? [];
  const pack = onSale.find((one) => one.price_id === values.pack) ?? onSale[0];
  const terms = pack && readTerms(pack.price_id, values.line, values.times);
  const words = useQuery({
    ...topUpWordsQuery(terms ?? { price_id: "", threshold_mcredits: 0, monthly_max: 0 }),
    enabled: terms !== undefined,
    placeholderData: keepPreviousData,
  });
  const shown = terms && !words.isPlaceholderData ? words.data : undefined;
  // What was ticked, so that other terms need another tick.
  const [agreed, setAgreed] = useState<string | null>(null);
  const isAgreed = shown !== undefined && agreed === shown.words_hash;
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (!terms || !shown || !isAgreed) return;
        const search = new URLSearchParams({
          top_up: terms.price_id,
          below: String(terms.threshold_mcredits),
          times: String(terms.monthly_max),
          words: shown.words_hash,
          intent: intent.key(),
        });
        window.location.assign(`/credits/checkout?${search}`);
      }}
    >
      <ProblemNote error={packs.error} />
      <div className={classes.filters}>
        <NativeSelect
          label="Buy"
          value={pack?.price_id ?? ""}
          onChange={(event) => {
            const { value } = event.currentTarget;
            setValues((now) => ({ ...now, pack: value }));
          }}
          data={onSale.map((one) => ({
            value: one.price_id,
            label: `${one.name}: ${credits(one.mcredits)}, ${money(one.amount_minor, one.currency)}`,
          }))}
        />
        <TextInput
          label="When below, in credits"
          type="number"
          inputMode="decimal"
          min="0.001"
          max={pack ? pack.mcredits / MCREDITS_PER_CREDIT : undefined}
          step="any"
          required
          {...field("line")}
        />
        <TextInput
          label="At most, times a month"
          type="number"
          inputMode="numeric"
          min="1"
          max={MONTHLY_MAX}
          step="1"
          required
          {...field("times")}
        />
      </div>
      <ProblemNote error={terms && words.error} />
      {terms && words.isPending && <Waiting lines={4} what="what you agree to" />}
      {terms && words.data && !words.error && (
        <>
          <ul className={classes.words} aria-label="What you agree to">
            {words.data.sentences.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
          <Checkbox
            label="I agree to these charges"
            checked={isAgreed}
            onChange={(event) => setAgreed(event.currentTarget.checked && shown ? shown.words_hash : null)}
          />
        </>
      )}
      <div className="row">
        <Button type="submit" disabled={!isAgreed}>
          Save a payment method
        </Button>
        <Button variant="subtle" onClick={onCancel}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

/** The terms as they were typed; undefined while they are none. */
function readTerms(priceId: string, line: string, times: string): TopUpTerms | undefined {
  const threshold_mcredits = Math.round(Number(line) * MCREDITS_PER_CREDIT);
  const monthly_max = Number(times);
  const usable =
    line.trim() !== "" &&
    Number.isFinite(threshold_mcredits) &&
    threshold_mcredits >= 1 &&
    Number.isInteger(monthly_max) &&
    monthly_max >= 1 &&
    monthly_max <= MONTHLY_MAX;
  return usable ? { price_id: priceId, threshold_mcredits, monthly_max } : undefined;
}
