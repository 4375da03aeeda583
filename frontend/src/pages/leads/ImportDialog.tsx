import { Button, FileInput, NativeSelect, Progress } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { type ImportProgress, importLeads } from "../../api/importLeads";
import { keys } from "../../api/keys";
import { Dialog } from "../../components/Dialog";
import { Note, ProblemNote } from "../../components/Note";
import { countryName } from "../../format/country";
import { COUNTRIES, likelyCountry } from "./countries";
import { ImportResult } from "./ImportResult";

const TEMPLATE = "First name,Last name,Company,Phone,Tags,Notes\r\n";

/** Leads from a CSV file. What was added stays when it is stopped; the same file may be imported again. */
export function ImportDialog({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const [region, setRegion] = useState(likelyCountry);
  const [progress, setProgress] = useState<ImportProgress | null>(null);
  const stopping = useRef(new AbortController());
  const load = useMutation({
    mutationFn: async (chosen: File) => {
      stopping.current = new AbortController();
      setProgress(null);
      await importLeads(chosen, region, setProgress, stopping.current.signal);
    },
    onSettled: () => client.invalidateQueries({ queryKey: keys.leads.all }),
  });
  const stopped = load.isError && stopping.current.signal.aborted;
  // Nobody ends an import, or loses the list of what was not added, by a stray click beside the window.
  const close = () => {
    if (!load.isPending) onClose();
  };
  return (
    <Dialog title="Import leads" onClose={close}>
      <div className="stack">
        {!load.isSuccess && (
          <form
            className="stack"
            onSubmit={(event) => {
              event.preventDefault();
              if (file && !load.isPending) load.mutate(file);
            }}
          >
            <FileInput
              label="CSV file"
              description="The first line names the columns: First name, Last name, Company, Phone, Tags (several with a semicolon between), Notes. Up to 100,000 rows."
              placeholder="Choose a file"
              accept=".csv,.txt,text/csv"
              required
              value={file}
              onChange={setFile}
              disabled={load.isPending}
            />
            <p className="quiet">
              No file yet?{" "}
              <a href={`data:text/csv;charset=utf-8,${encodeURIComponent(TEMPLATE)}`} download="leads.csv">
                Take an empty one
              </a>
              , or export from your CRM.
            </p>
            <NativeSelect
              label="Numbers without a country code are in"
              value={region}
              onChange={(event) => setRegion(event.currentTarget.value)}
              disabled={load.isPending}
              data={[
                { value: "", label: "No country: tell me about them" },
                ...COUNTRIES.map((code) => ({ value: code, label: countryName(code) })),
              ]}
            />
            {!load.isPending && (
              <div className="row">
                <Button type="submit" disabled={!file}>
                  Import
                </Button>
                <Button variant="default" onClick={close}>
                  Cancel
                </Button>
              </div>
            )}
          </form>
        )}
        {load.isPending && (
          <div className="stack" role="status">
            <Progress.Root>
              <Progress.Section value={100} animated withAria={false} />
            </Progress.Root>
            <div className="row">
              <span className="num">{(progress?.read ?? 0).toLocaleString("en")} rows read</span>
              <Button variant="default" size="compact-sm" autoFocus onClick={() => stopping.current.abort()}>
                Stop
              </Button>
            </div>
          </div>
        )}
        {stopped && (
          <Note>Stopped. What was added until then stays; import the file again for the rest.</Note>
        )}
        {!stopped && <ProblemNote error={load.error} />}
        {!stopped && load.isError && progress && (
          <Note>It broke off. What was added stays; import the same file again for the rest.</Note>
        )}
        {progress && !load.isPending && <ImportResult progress={progress} />}
        {load.isSuccess && (
          <div>
            <Button autoFocus onClick={close}>
              Close
            </Button>
          </div>
        )}
      </div>
    </Dialog>
  );
}
