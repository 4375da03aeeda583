import { NativeSelect, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { tagsQuery } from "../../api/queueQueries";
import type { ResultFilter } from "../../api/types";
import { useInLook } from "../../app/useSession";
import { RESULT_CHOICES } from "../../calls/resultChoices";
import { SearchIcon } from "../../components/icons";
import classes from "./LeadsPage.module.css";

/** Search as you type, and the narrowing by tag and by what came of the last call; all of it stands in the address. */
export function LeadFilterFields() {
  const { search = "", tag = "", disposition = "" } = useSearch({ from: "/app/leads" });
  const navigate = useNavigate({ from: "/leads" });
  const tags = useQuery({ ...tagsQuery, enabled: !useInLook() });
  const [typed, setTyped] = useState(search);
  const [settled] = useDebouncedValue(typed, 200);
  useEffect(() => {
    if (settled !== search) {
      void navigate({ search: (now) => ({ ...now, search: settled || undefined }), replace: true });
    }
  }, [settled, search, navigate]);
  const known = tags.data ?? [];
  return (
    <div className={classes.filters}>
      <TextInput
        aria-label="Search leads"
        placeholder="Name, company or number"
        type="search"
        leftSection={<SearchIcon size={16} />}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
        maxLength={100}
      />
      <NativeSelect
        aria-label="Show leads with the tag"
        value={tag}
        onChange={(event) => {
          const next = event.currentTarget.value || undefined;
          void navigate({ search: (now) => ({ ...now, tag: next }) });
        }}
        data={[{ value: "", label: "Any tag" }, ...(tag && !known.includes(tag) ? [tag] : []), ...known]}
      />
      <NativeSelect
        aria-label="Show leads whose last call was"
        value={disposition}
        onChange={(event) => {
          const next = (event.currentTarget.value || undefined) as ResultFilter | undefined;
          void navigate({ search: (now) => ({ ...now, disposition: next }) });
        }}
        data={[{ value: "", label: "Called or not" }, ...RESULT_CHOICES]}
      />
    </div>
  );
}
