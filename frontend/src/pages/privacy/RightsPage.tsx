import { PublicFrame } from "../../components/PublicFrame";
import { PrivacyPage } from "./PrivacyPage";

/** The privacy centre outside of the product: for whoever has not answered a changed policy and perhaps never will. */
export function RightsPage() {
  return (
    <PublicFrame>
      <PrivacyPage />
    </PublicFrame>
  );
}
