import { Button, Kbd } from "@mantine/core";
import { type KeyboardEvent, useEffect, useId, useRef } from "react";
import { useKey } from "../../components/useKey";
import classes from "./QueuePage.module.css";

interface Choice<T extends string> {
  value: T;
  label: string;
  /** Cannot be chosen now; the others keep their numbers. */
  off?: boolean;
}

interface KeyChoicesProps<T extends string> {
  label: string;
  /** At most nine. */
  choices: readonly Choice<T>[];
  chosen: T | null;
  disabled?: boolean;
  onChoose: (value: T) => void;
  /** The first takes the focus at once. */
  focused?: boolean;
}

/** A few choices, each a press of its number; the arrows move between them. */
export function KeyChoices<T extends string>(props: KeyChoicesProps<T>) {
  const { label, choices, chosen, disabled = false, onChoose, focused = false } = props;
  const heading = useId();
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (focused) list.current?.querySelector<HTMLButtonElement>("button:enabled")?.focus();
  }, [focused]);
  function pressed(event: KeyboardEvent<HTMLElement>): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    const buttons = [...event.currentTarget.querySelectorAll<HTMLButtonElement>("button:enabled")];
    event.preventDefault();
    buttons[buttons.indexOf(document.activeElement as HTMLButtonElement) + step]?.focus();
  }
  return (
    <div className="stack">
      <div id={heading} className={classes.ask}>
        {label}
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would draw a frame and announce a form. */}
      <div ref={list} className={classes.choices} role="group" aria-labelledby={heading} onKeyDown={pressed}>
        {choices.map(({ value, label: words, off = false }, at) => (
          <Chosen
            key={value}
            digit={String(at + 1)}
            words={words}
            on={value === chosen}
            disabled={disabled || off}
            onChoose={() => onChoose(value)}
          />
        ))}
      </div>
    </div>
  );
}

interface ChosenProps {
  digit: string;
  words: string;
  on: boolean;
  disabled: boolean;
  onChoose: () => void;
}

function Chosen({ digit, words, on, disabled, onChoose }: ChosenProps) {
  useKey(digit, onChoose, !disabled);
  return (
    <Button
      variant={on ? "light" : "default"}
      size="compact-md"
      justify="space-between"
      fullWidth
      disabled={disabled}
      aria-pressed={on}
      onClick={onChoose}
      rightSection={<Kbd aria-hidden>{digit}</Kbd>}
    >
      {words}
    </Button>
  );
}
