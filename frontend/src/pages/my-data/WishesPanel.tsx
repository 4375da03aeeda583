import type { OwnCase } from "../../api/types";
import { CaseList } from "../../components/CaseList";
import { Panel } from "../../components/Page";

/** What was asked for from this number. */
export function WishesPanel({ cases }: { cases: OwnCase[] }) {
  if (cases.length === 0) return null;
  return (
    <Panel title="What you asked for">
      <CaseList cases={cases} />
    </Panel>
  );
}
