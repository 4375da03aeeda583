import { Tooltip } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { answer, api } from "../api/client";
import { LeaveIcon } from "../components/icons";
import classes from "./Shell.module.css";

/** The way out on every page: in words in the menu, as a sign at the top where the menu has no room. */
export function SignOut({ where }: { where: "menu" | "top" }) {
  const leave = useMutation({
    mutationFn: () => answer(api.POST("/api/signout")),
    // A new document forgets everything that this one held.
    onSuccess: () => window.location.assign("/sign-in"),
  });
  if (where === "menu") {
    return (
      <button
        type="button"
        className={`${classes.link} ${classes.leave}`}
        onClick={() => leave.mutate()}
        disabled={leave.isPending}
      >
        <LeaveIcon />
        {leave.isError ? "Not signed out. Try again" : "Sign out"}
      </button>
    );
  }
  return (
    <Tooltip label={leave.isError ? "Not signed out. Try again" : "Sign out"}>
      <button
        type="button"
        className={classes.leaveTop}
        onClick={() => leave.mutate()}
        disabled={leave.isPending}
        aria-label="Sign out"
      >
        <LeaveIcon />
      </button>
    </Tooltip>
  );
}
