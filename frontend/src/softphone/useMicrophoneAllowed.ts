import { useEffect, useState } from "react";

/** Whether this page may hear without asking, as far as the browser tells. */
export function useMicrophoneAllowed(): boolean {
  const [allowed, setAllowed] = useState(false);
  useEffect(() => {
    let shown = true;
    navigator.permissions
      ?.query({ name: "microphone" as PermissionName })
      .then((found) => shown && setAllowed(found.state === "granted"))
      .catch(() => {
        // This browser does not tell: then it is asked when pressed.
      });
    return () => {
      shown = false;
    };
  }, []);
  return allowed;
}
