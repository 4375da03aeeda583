import type { ReactNode } from "react";
import classes from "./PublicFrame.module.css";

/** The frame of pages that need no account. */
export function PublicFrame({ children }: { children: ReactNode }) {
  return (
    <div className={classes.frame}>
      <header>
        <a href="/" className={classes.brand}>
          <img src="/mark.svg" alt="" width={20} height={20} />
          Klosesales
        </a>
      </header>
      <main>{children}</main>
      <footer className={classes.foot}>
        <a href="/policy">Privacy policy</a>
        <a href="/policy/contact">Contact and complaints</a>
      </footer>
    </div>
  );
}
