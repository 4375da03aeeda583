import { Kbd } from "@mantine/core";
import { Dialog } from "../components/Dialog";
import classes from "./KeyHelp.module.css";
import { useInLook } from "./useSession";

interface Key {
  keys: string[];
  does: string;
  /** Works also where nothing can be done. */
  inLook?: true;
}

const KEYS: readonly Key[] = [
  { keys: ["c"], does: "Call the lead that is shown" },
  { keys: ["h"], does: "Hang up" },
  { keys: ["m"], does: "Mute or unmute yourself in a call in the browser" },
  { keys: ["k"], does: "Keypad of a call in the browser; its keys can be typed" },
  { keys: ["d"], does: "Never call a lead again who seems to ask for that" },
  { keys: ["t"], does: "In a call: the lead wants no text, so it is turned off" },
  { keys: ["n"], does: "Write a note" },
  { keys: ["j"], does: "Next lead" },
  { keys: ["s"], does: "Skip the lead of the queue; the reason by its number" },
  { keys: ["1", "…", "7"], does: "What came of the queue's call" },
  { keys: ["t"], does: "Tags of the chosen lead in the list" },
  { keys: ["h"], does: "History of the chosen lead in the list" },
  { keys: ["e"], does: "Edit the chosen line of a call's text, or else the newest" },
  { keys: ["Ctrl", "K"], does: "Search and go to (Cmd K on a Mac)", inLook: true },
  { keys: ["/"], does: "Search and go to", inLook: true },
  { keys: ["?"], does: "This list", inLook: true },
  { keys: ["Esc"], does: "Close what is open", inLook: true },
];

/** What each key does. */
export function KeyHelp({ onClose }: { onClose: () => void }) {
  const inLook = useInLook();
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl className={classes.keys}>
        {KEYS.filter((key) => !inLook || key.inLook).map(({ keys, does }) => (
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
