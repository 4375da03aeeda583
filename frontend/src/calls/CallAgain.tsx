import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { leadQuery } from "../api/queries";
import type { Call } from "../api/types";
import { mayBeCalledAgain } from "./status";

/** The way to the next call with the same lead; nothing for one who may not be called any more. */
export function CallAgain({ call }: { call: Pick<Call, "end_reason" | "lead"> }) {
  const { data: lead } = useQuery(leadQuery(call.lead.id));
  if (!mayBeCalledAgain(call.end_reason, lead)) return null;
  return (
    <Link to="/call" search={{ lead: call.lead.id }}>
      Call again
    </Link>
  );
}
