import { useQuery } from "@tanstack/react-query";
import { csrfToken } from "../api/client";
import { sessionQuery } from "../api/queries";
import { Note } from "./Note";

/** For pages that only work with cookies, in a browser that refuses them; nothing in any other. */
export function CookiesNeeded() {
  // Browsers that refuse cookies say that they are enabled; so it is looked whether the one is there that comes with this answer.
  const session = useQuery(sessionQuery);
  if (!session.isSuccess || csrfToken() !== "") return null;
  return (
    <Note tone="warn" role="alert" title="Your browser refuses cookies">
      <p>
        This page needs two, by which it knows that it is still you. Allow cookies for this site, then load
        the page again. The pages about <a href="/policy">privacy</a> work without any.
      </p>
    </Note>
  );
}
