import { useQueryClient } from "@tanstack/react-query";
import { keepAnswer } from "../../../api/keepAnswer";
import { keys } from "../../../api/keys";
import type { DeskCasePage } from "../../../api/types";

/** Every act answers with the whole case; the queue is read anew when it is opened next. */
export function useKeepPage(): (page: DeskCasePage) => void {
  const client = useQueryClient();
  return (page) => {
    keepAnswer(client, keys.staff.oneCase(page.case.reference), page);
    client.removeQueries({ queryKey: [...keys.staff.cases, "queue"] });
  };
}
