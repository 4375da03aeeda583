import { csrfToken } from "./client";
import { Problem } from "./problem";

export interface RejectedRow {
  line: number;
  column: string;
  code: string;
  message: string;
}

/** How far an import is. rejected_rows: all that were not added until now, known ones too. done: only once the file was read to its end. */
export interface ImportProgress {
  read: number;
  added: number;
  /** There before, or earlier in the file. */
  known: number;
  /** For a fault. */
  rejected: number;
  rejected_rows: RejectedRow[];
  /** Columns of the file that are not imported. */
  ignored: string[];
  /** From there on nothing could be read; null when everything was. */
  stopped_at_line: number | null;
  /** The first line that is not in UTF-8, and a word of it as it was read; null when there is none. */
  assumed: { line: number; word: string } | null;
  done: boolean;
}

/** Sends a CSV file and tells how far it is, as the server does, line by line. Throws Problem; what was added stays added. */
export async function importLeads(
  file: File,
  region: string,
  onProgress: (progress: ImportProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  const query = region ? `?region=${encodeURIComponent(region)}` : "";
  const response = await fetch(`/api/leads/import${query}`, {
    method: "POST",
    body: file,
    headers: { "Content-Type": "text/csv", "X-CSRFToken": csrfToken() },
    signal,
  }).catch((error: unknown) => {
    throw signal.aborted ? error : Problem.unreachable();
  });
  if (!response.ok || response.body === null) {
    throw Problem.fromBody(response.status, await response.json().catch(() => undefined));
  }
  const rejected: RejectedRow[] = [];
  let done = false;
  for await (const line of linesOf(response.body)) {
    const progress = JSON.parse(line) as ImportProgress;
    for (const row of progress.rejected_rows) rejected.push(row);
    done = progress.done;
    onProgress({ ...progress, rejected_rows: rejected });
  }
  if (!done) throw Problem.unreachable();
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter(Boolean);
  }
}
