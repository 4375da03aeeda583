import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { CookiesNeeded } from "../../components/CookiesNeeded";
import { useTitle } from "../../components/Page";
import classes from "./AuthFrame.module.css";

/** One thing a page, for those who are not signed in. */
export function AuthFrame({
  title,
  intro,
  children,
}: {
  title: string;
  intro?: ReactNode;
  children: ReactNode;
}) {
  useTitle(title);
  return (
    <div className={classes.frame}>
      <header className={classes.brand}>
        <img src="/mark.svg" alt="" width={22} height={22} />
        Klosesales
      </header>
      <main className={classes.card}>
        <h1>{title}</h1>
        {intro && <p className="quiet">{intro}</p>}
        <CookiesNeeded />
        {children}
      </main>
      <footer className={classes.foot}>
        <Link to="/policy">Privacy policy</Link>
        <Link to="/policy/contact">Contact and complaints</Link>
        <a href="mailto:support@klosesales.com">support@klosesales.com</a>
      </footer>
    </div>
  );
}
