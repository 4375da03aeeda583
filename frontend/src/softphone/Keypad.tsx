import { Button } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import classes from "./Softphone.module.css";
import { pressKey } from "./softphone";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"] as const;
const SHOWN_MAX = 24;
const TYPING = "input, textarea, select, [contenteditable=true], [role=dialog]";

/** The keys of a telephone, for machines that ask for them; by mouse, or typed. */
export function Keypad() {
  const [pressed, setPressed] = useState("");
  function press(key: string): void {
    pressKey(key);
    setPressed((before) => (before + key).slice(-SHOWN_MAX));
  }
  useTyped(press);
  return (
    <div className="stack">
      <p className="num" role="status">
        {pressed ? `Pressed: ${pressed}` : "Press the keys here or type them."}
      </p>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would draw a frame and announce a form. */}
      <div className={classes.keys} role="group" aria-label="Keypad" data-again>
        {KEYS.map((key) => (
          <Button
            key={key}
            variant="default"
            className="num"
            onClick={() => press(key)}
            aria-label={WORDS[key] ?? key}
          >
            {key}
          </Button>
        ))}
      </div>
    </div>
  );
}

/** Numbers are typed fast, so that unlike other keys these count however soon they follow each other. */
function useTyped(press: (key: string) => void): void {
  const latest = useRef(press);
  latest.current = press;
  useEffect(() => {
    function typed(event: KeyboardEvent): void {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (!(KEYS as readonly string[]).includes(event.key)) return;
      if (event.target instanceof Element && event.target.closest(TYPING)) return;
      event.preventDefault();
      latest.current(event.key);
    }
    window.addEventListener("keydown", typed);
    return () => window.removeEventListener("keydown", typed);
  }, []);
}

const WORDS: Record<string, string> = { "*": "Star", "#": "Hash" };
