import { Button } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { asProblem, Problem } from "../../api/problem";
import type { CaseKind, CaseLink } from "../../api/types";
import { Note, ProblemNote } from "../../components/Note";
import { saveFile } from "../../components/saveFile";
import { Waiting } from "../../components/Waiting";
import { AuthFrame } from "../auth/AuthFrame";
import { useLinkToken } from "../auth/useLinkToken";

const WISHES: Partial<Record<CaseKind, string>> = {
  access: "a copy of what we hold about you",
  deletion: "the deletion of your account",
};

/** Where the mails to who cannot sign in lead: a request is confirmed, a copy fetched. Opening a link changes nothing. */
export function RequestPage() {
  const token = useLinkToken();
  const seen = useQuery({
    // Under no key that others use, and forgotten with the page: it holds what the link opens.
    queryKey: ["request-link", token],
    queryFn: ({ signal }) => answer(api.POST("/api/request/link", { body: { token }, signal })),
    enabled: token !== "",
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    gcTime: 0,
  });
  if (token === "") {
    return <Dead words="The address is not complete. Open the link in the mail again, or copy all of it." />;
  }
  const failed = asProblem(seen.error);
  if (failed?.code === "case_link_invalid") return <Dead words={failed.detail} />;
  if (!seen.data) {
    return (
      <AuthFrame title="Your request">
        {failed ? <ProblemNote error={failed} /> : <Waiting lines={3} what="the link" />}
      </AuthFrame>
    );
  }
  return seen.data.step === "copy" ? <Copy token={token} /> : <Confirm token={token} link={seen.data} />;
}

function Confirm({ token, link }: { token: string; link: CaseLink }) {
  const press = useMutation({
    mutationFn: () => answer(api.POST("/api/request/press", { body: { token } })),
  });
  if (press.isSuccess) {
    return (
      <AuthFrame title="We know that it is you">
        <Note tone="good" role="status">
          A person works on your request {link.reference} and writes to the address of your account. You may
          close this page.
        </Note>
      </AuthFrame>
    );
  }
  const failed = asProblem(press.error);
  if (failed?.code === "case_link_invalid") return <Dead words={failed.detail} />;
  return (
    <AuthFrame title="Is this request yours?">
      <p>
        Request {link.reference} asks for {WISHES[link.kind] ?? "something about your data"}. Confirm it if
        you have asked us. If you have not, close this page: nothing is told or done.
      </p>
      <ProblemNote error={failed} />
      <Button onClick={() => press.mutate()} loading={press.isPending}>
        Yes, it is mine
      </Button>
    </AuthFrame>
  );
}

type As = "html" | "json";

async function download(token: string, as: As): Promise<void> {
  const params = { query: { as_page: as === "html" } };
  const held: string = await answer(
    api.POST("/api/request/copy", { params, body: { token }, parseAs: "text" }),
  );
  // Whoever writes it can only say in its last line that it broke off.
  if (!held.trimEnd().endsWith(as === "html" ? "</html>" : "}")) throw Problem.unreachable();
  saveFile(`klosesales-my-data.${as}`, held, as === "html" ? "text/html" : "application/json");
}

function Copy({ token }: { token: string }) {
  const get = useMutation({ mutationFn: (as: As) => download(token, as) });
  if (get.isSuccess) {
    return (
      <AuthFrame title="The copy was downloaded">
        <Note tone="good" role="status">
          The link cannot be used again. Keep the file where nobody else finds it.
        </Note>
      </AuthFrame>
    );
  }
  const failed = asProblem(get.error);
  if (failed?.code === "case_link_invalid") return <Dead words={failed.detail} />;
  return (
    <AuthFrame title="Your copy is ready">
      <p>
        It holds everything that we keep about you. The link works once, for one of the two: keep the file.
      </p>
      <ProblemNote error={failed} />
      <Button
        onClick={() => get.mutate("html")}
        loading={get.isPending && get.variables === "html"}
        disabled={get.isPending}
      >
        Download it to read
      </Button>
      <Button
        variant="default"
        onClick={() => get.mutate("json")}
        loading={get.isPending && get.variables === "json"}
        disabled={get.isPending}
      >
        For other programs (JSON)
      </Button>
    </AuthFrame>
  );
}

function Dead({ words }: { words: string }) {
  return (
    <AuthFrame title="This link cannot be used">
      <Note tone="warn" role="alert">
        {words}
      </Note>
    </AuthFrame>
  );
}
