import type { QueryClient } from "@tanstack/react-query";
import { keys } from "./keys";
import type { Balance } from "./types";

/** An answer that shows the balance and does not say as of when: what events told while it was on its way is put into it. */
export async function withToldMeanwhile<Answer>(
  client: QueryClient,
  asked: () => Promise<Answer>,
  change: (answer: Answer, balance: Balance) => Answer,
): Promise<Answer> {
  const before = client.getQueryData<Balance>(keys.credits.balance);
  const answer = await asked();
  const now = client.getQueryData<Balance>(keys.credits.balance);
  return before && now && now.sequence > before.sequence ? change(answer, now) : answer;
}
