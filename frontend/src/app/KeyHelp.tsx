import { Kbd } from "@mantine/core";
import { Dialog } from "../components/Dialog";
import classes from "./KeyHelp.module.css";

const KEYS: readonly { keys: string[]; does: string }[] = [
  { keys: ["c"], does: "Call the lead that is shown" },
  { keys: ["h"], does: "Hang up" },
  { keys: ["n"], does: "Write a note" },
  { keys: ["j"], does: "Next lead" },
  { keys: ["e"], does: "Correct the chosen line of a call's text, or else the newest" },
  { keys: ["Ctrl", "K"], does: "Search and go to (Cmd K on a Mac)" },
  { keys: ["/"], does: "Search and go to" },
  { keys: ["?"], does: "This list" },
  { keys: ["Esc"], does: "Close what is open" },
];

/** What each key does. */
export function KeyHelp({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl className={classes.keys}>
        {KEYS.map(({ keys, does }) => (
          <div key={does}>
            <dt>
              {keys.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
