import { useEffect, useState } from "react";

/** What stands in a mailed link after the #, which no server ever sees; "" when it is missing. Taken out of the address at
 * once, so that neither the history nor a picture of the page holds it. */
export function useLinkToken(): string {
  const [token] = useState(() => window.location.hash.slice(1));
  useEffect(() => {
    window.history.replaceState(window.history.state, "", window.location.pathname);
    // Another link opened in this tab changes nothing but what is after the #, which by itself loads no page.
    const again = () => window.location.reload();
    window.addEventListener("hashchange", again);
    return () => window.removeEventListener("hashchange", again);
  }, []);
  return token;
}
