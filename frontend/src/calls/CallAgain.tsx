import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { leadQuery } from "../api/queries";
import type { Call } from "../api/types";

/** The way to the next call with the same lead; nothing for one who may not be called any more. */
export function CallAgain({ call }: { call: Pick<Call, "end_reason" | "lead"> }) {
  const { data: lead } = useQuery(leadQuery(call.lead.id));
  // Key 9 ends the call and the calling at once, before the lead is asked for anew.
  const callable = lead?.suppressed === false && lead.erased_at === null;
  if (!callable || call.end_reason === "lead_opted_out") return null;
  return (
    <Link to="/call" search={{ lead: call.lead.id }}>
      Call again
    </Link>
  );
}
