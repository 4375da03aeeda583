import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { balanceQuery } from "../../api/creditQueries";
import { Changes } from "../../app/Changes";
import { useSignedIn } from "../../app/useSession";
import { ProblemNote } from "../../components/Note";
import { Page } from "../../components/Page";
import { Waiting } from "../../components/Waiting";
import { ExplainDrawer } from "../../spending/ExplainDrawer";
import { AlertForm } from "./AlertForm";
import { BalanceFacts } from "./BalanceFacts";
import { BurnPanel } from "./BurnPanel";
import { Packs } from "./Packs";
import { Purchases } from "./Purchases";
import { Statement } from "./Statement";
import { TopUpPanel } from "./TopUpPanel";

export function CreditsPage() {
  const balance = useQuery(balanceQuery);
  const { permissions } = useSignedIn();
  const { explain } = useSearch({ from: "/app/credits" });
  const navigate = useNavigate({ from: "/credits" });
  return (
    <Page title="Credits">
      <ProblemNote error={balance.error} />
      {balance.data ? <BalanceFacts balance={balance.data} /> : <Waiting lines={3} what="your balance" />}
      {permissions.see_team && <BurnPanel />}
      <Packs balance={balance.data} />
      {permissions.buy_credits && balance.data && (
        <Changes>
          <AlertForm key={balance.data.alert?.threshold_mcredits} balance={balance.data} />
        </Changes>
      )}
      {permissions.see_team && <TopUpPanel />}
      {permissions.see_team && <Purchases />}
      <Statement />
      <ExplainDrawer
        entryId={explain}
        onClose={() =>
          void navigate({
            search: (now) => ({ ...now, explain: undefined }),
            resetScroll: false,
            replace: true,
          })
        }
      />
    </Page>
  );
}
