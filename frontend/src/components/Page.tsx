import { type ReactNode, useEffect, useId } from "react";
import classes from "./Page.module.css";

interface PageProps {
  title: string;
  actions?: ReactNode;
  width?: "normal" | "narrow" | "wide";
  children: ReactNode;
}

/** A page of the shell: its title, what can be done on it, and its content. */
export function Page({ title, actions, width = "normal", children }: PageProps) {
  useTitle(title);
  return (
    <div className={`${classes.page} ${width === "normal" ? "" : classes[width]}`}>
      <div className={classes.head}>
        <h1>{title}</h1>
        {actions}
      </div>
      {children}
    </div>
  );
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Klosesales`;
  }, [title]);
}

interface PanelProps {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
}

/** A bordered part of a page under its own heading. */
export function Panel({ title, aside, children }: PanelProps) {
  const heading = useId();
  return (
    <section className={classes.panel} aria-labelledby={heading}>
      <div className={classes.panelHead}>
        <h2 id={heading}>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}
