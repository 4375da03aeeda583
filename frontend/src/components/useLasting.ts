import { useEffect, useState } from "react";

/** Whether something has gone on for so long. */
export function useLasting(goesOn: boolean, ms: number): boolean {
  const [lasts, setLasts] = useState(false);
  useEffect(() => {
    if (!goesOn) return;
    const timer = setTimeout(() => setLasts(true), ms);
    return () => {
      clearTimeout(timer);
      setLasts(false);
    };
  }, [goesOn, ms]);
  return goesOn && lasts;
}
