import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTitle } from "../../components/Page";
import classes from "./PolicyFrame.module.css";

const PLACES = [
  { to: "/policy", label: "Policy" },
  { to: "/policy/changes", label: "What changed" },
  { to: "/policy/data", label: "What is kept" },
  { to: "/policy/recipients", label: "Who receives what" },
  { to: "/policy/contact", label: "Contact" },
] as const;

interface PolicyFrameProps {
  title: string;
  /** What stands under the title. */
  intro?: ReactNode;
  /** Where a reader may jump to on this page. */
  jumps?: readonly { href: string; label: string }[];
  children: ReactNode;
}

/** The frame of the pages about privacy that everybody may read. */
export function PolicyFrame({ title, intro, jumps = [], children }: PolicyFrameProps) {
  useTitle(title);
  return (
    <div className={`${classes.frame} ${jumps.length > 0 ? classes.withJumps : ""}`}>
      <header className={classes.head}>
        <a href="/" className={classes.brand}>
          <img src="/mark.svg" alt="" width={20} height={20} />
          Klosesales
        </a>
        <nav className={classes.places} aria-label="About privacy">
          {PLACES.map((place) => (
            <Link key={place.to} to={place.to} activeOptions={{ exact: true, includeSearch: false }}>
              {place.label}
            </Link>
          ))}
        </nav>
        <h1>{title}</h1>
        {intro}
      </header>
      {jumps.length > 0 && (
        <nav className={classes.jump} aria-label="Jump to section">
          <strong>Jump to section</strong>
          <ol>
            {jumps.map((jump) => (
              <li key={jump.href}>
                <a href={jump.href}>{jump.label}</a>
              </li>
            ))}
          </ol>
        </nav>
      )}
      <main className={classes.text}>{children}</main>
    </div>
  );
}
