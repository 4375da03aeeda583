import { TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useId, useMemo, useState } from "react";
import { leadsQuery } from "../api/queries";
import { Dialog } from "../components/Dialog";
import { leadName } from "../format/lead";
import classes from "./Palette.module.css";
import { useInLook } from "./useSession";

interface Action {
  id: string;
  label: string;
  detail: string;
  run: () => void;
}

type Target = { to: string; search?: Record<string, string | boolean> };

interface PaletteProps {
  onClose: () => void;
  onHelp: () => void;
  onGo: (to: Target) => void;
}

/** acts: nothing to read there for who only looks. */
const PLACES: readonly { label: string; target: Target; acts?: true }[] = [
  { label: "Call", target: { to: "/call" }, acts: true },
  { label: "Queue: call lead after lead", target: { to: "/queue" }, acts: true },
  { label: "Calls", target: { to: "/calls" } },
  { label: "Wall: live calls of the team", target: { to: "/wall" }, acts: true },
  { label: "Leads", target: { to: "/leads" } },
  { label: "Add lead", target: { to: "/leads", search: { add: true } }, acts: true },
  { label: "Ask your calls", target: { to: "/ask" } },
  { label: "Credits: balance, packs, statement", target: { to: "/credits" } },
  { label: "Team: members, invitations", target: { to: "/team" } },
  { label: "Privacy centre", target: { to: "/privacy" }, acts: true },
  { label: "Settings: password, sessions, keys", target: { to: "/settings" }, acts: true },
  { label: "Webhooks: servers that are told", target: { to: "/settings/webhooks" }, acts: true },
  { label: "Privacy policy", target: { to: "/policy" } },
];
const LEADS_SHOWN_MAX = 8;

function useActions(words: string, { onGo, onHelp }: PaletteProps): readonly Action[] {
  const [search] = useDebouncedValue(words.trim(), 150);
  const inLook = useInLook();
  const leads = useInfiniteQuery({ ...leadsQuery({ search }), placeholderData: keepPreviousData });
  return useMemo(() => {
    const wanted = words.trim().toLowerCase();
    const shown = PLACES.filter(({ acts }) => !inLook || !acts);
    const places = shown
      .filter(({ label }) => label.toLowerCase().includes(wanted))
      .map(({ label, target }) => ({
        id: label,
        label,
        detail: "Page",
        run: () => onGo(target),
      }));
    const people = (leads.data?.pages[0]?.items ?? []).slice(0, LEADS_SHOWN_MAX).map((lead) => ({
      id: lead.id,
      label: leadName(lead),
      detail: lead.company || "Lead",
      run: () => onGo({ to: "/call", search: { lead: lead.id } }),
    }));
    const help = { id: "keys", label: "Keys", detail: "?", run: onHelp };
    const found = wanted === "" ? [...places, help, ...people] : [...people, ...places];
    return "keys".includes(wanted) && wanted !== "" ? [...found, help] : found;
  }, [words, leads.data, inLook, onGo, onHelp]);
}

/** Search and actions by keyboard: arrows choose, Enter goes. */
export function Palette(props: PaletteProps) {
  const [words, setWords] = useState("");
  const [chosen, setChosen] = useState(0);
  const list = useId();
  const actions = useActions(words, props);
  const active = Math.min(chosen, Math.max(0, actions.length - 1));

  function run(action: Action | undefined): void {
    if (action === undefined) return;
    props.onClose();
    action.run();
  }

  function pressed(event: KeyboardEvent): void {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0 && actions.length > 0) {
      event.preventDefault();
      setChosen((active + step + actions.length) % actions.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(actions[active]);
    }
  }

  return (
    <Dialog title="Search" onClose={props.onClose} bare>
      <TextInput
        data-autofocus
        aria-label="Search leads and pages"
        placeholder="A lead, a number, a page"
        value={words}
        onChange={(event) => {
          setWords(event.currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={pressed}
        role="combobox"
        aria-expanded
        aria-controls={list}
        aria-activedescendant={actions[active] && `${list}-${actions[active].id}`}
      />
      <div className={classes.list} id={list} role="listbox" aria-label="Results" tabIndex={-1}>
        {actions.map((action, position) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field above holds the focus and handles the keys.
          <div
            key={action.id}
            id={`${list}-${action.id}`}
            role="option"
            tabIndex={-1}
            aria-selected={position === active}
            className={classes.option}
            onClick={() => run(action)}
            onMouseMove={() => setChosen(position)}
          >
            {action.label}
            <span className={classes.detail}>{action.detail}</span>
          </div>
        ))}
      </div>
      {actions.length === 0 && (
        <p className="quiet">Nothing fits. Search looks at names, companies and numbers.</p>
      )}
    </Dialog>
  );
}
