import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { processorsQuery } from "../../api/policyQueries";
import { purposesQuery } from "../../api/privacyQueries";
import { ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { Tag } from "../../components/Tag";
import classes from "./PrivacyPage.module.css";

/** What people are asked for beside the policy; one click gives it, one click takes it back. */
export function PurposesPanel() {
  const client = useQueryClient();
  const purposes = useQuery(purposesQuery);
  const set = useMutation({
    mutationFn: (body: { purpose: string; given: boolean }) =>
      answer(api.POST("/api/privacy/purposes", { body })),
    // The notice on every page, and whether a lead may be called, follow from it.
    onSettled: () =>
      Promise.all(
        [keys.privacy.all, keys.session, keys.leads.dialChecks].map((queryKey) =>
          client.invalidateQueries({ queryKey }),
        ),
      ),
  });
  const items = purposes.data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <Panel title="What you may allow us">
      <ProblemNote error={set.error} />
      <ul className={classes.list}>
        {items.map((item) => (
          <li key={item.key} className="stack">
            <div className="row">
              <strong>{item.title}</strong>
              <Tag tone={item.given ? "good" : "plain"}>{item.given ? "Allowed" : "Not allowed"}</Tag>
              <Button
                variant="default"
                size="compact-sm"
                loading={set.isPending && set.variables.purpose === item.key}
                onClick={() => set.mutate({ purpose: item.key, given: !item.given })}
              >
                {item.given ? "Take back" : "Allow"}
              </Button>
            </div>
            <p className="quiet">
              {item.words} Without it: {item.if_no}
            </p>
            {item.key === "transfer" && <Recipients />}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** The countries in which others receive something, from the register of recipients. */
function Recipients() {
  const processors = useQuery(processorsQuery);
  const receiving = processors.data?.items.filter((each) => each.receives.length > 0) ?? [];
  if (receiving.length === 0) return null;
  return (
    <p className="quiet">
      Others receive what they need for their part:{" "}
      {receiving.map((each) => `${each.name} (${each.country})`).join("; ")}.{" "}
      <Link to="/policy/recipients">Who receives what</Link>
    </p>
  );
}
