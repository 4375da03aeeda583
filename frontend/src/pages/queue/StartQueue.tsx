import { Button, NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { tagsQuery } from "../../api/queueQueries";
import type { QueueFilter, ResultFilter } from "../../api/types";
import { RESULT_CHOICES } from "../../calls/resultChoices";
import { ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import classes from "./QueuePage.module.css";
import { useQueue } from "./useQueue";

/** Where a session begins: through which leads. */
export function StartQueue() {
  const tags = useQuery(tagsQuery);
  const { take, waits, error } = useQueue();
  const [filter, setFilter] = useState<QueueFilter>({ tag: "", disposition: null });
  return (
    <Panel title="Call lead after lead">
      <p className="quiet">
        The next lead is reserved for you for five minutes, so no colleague calls it at the same time. You
        press Call for each one. Retries that are due come first, then leads that were never called, as they
        were added.
      </p>
      <form
        className={classes.start}
        onSubmit={(event) => {
          event.preventDefault();
          take({ do: "start", filter });
        }}
      >
        <NativeSelect
          label="Leads with the tag"
          value={filter.tag}
          onChange={(event) => {
            const { value } = event.currentTarget;
            setFilter((now) => ({ ...now, tag: value }));
          }}
          data={[{ value: "", label: "Any tag" }, ...(tags.data ?? [])]}
        />
        <NativeSelect
          label="Whose last call was"
          value={filter.disposition ?? ""}
          onChange={(event) => {
            const value = (event.currentTarget.value || null) as ResultFilter | null;
            setFilter((now) => ({ ...now, disposition: value }));
          }}
          data={[{ value: "", label: "Due: retries and never called" }, ...RESULT_CHOICES]}
        />
        <Button type="submit" loading={waits} data-autofocus>
          Start
        </Button>
      </form>
      <ProblemNote error={error ?? tags.error} />
      <p className="quiet">
        <Link to="/leads">Add, import and tag leads</Link>
      </p>
    </Panel>
  );
}
