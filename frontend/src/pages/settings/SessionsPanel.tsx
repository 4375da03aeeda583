import { Button, Checkbox } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { devicesQuery } from "../../api/queries";
import { Dialog } from "../../components/Dialog";
import list from "../../components/List.module.css";
import { ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { Tag } from "../../components/Tag";
import { TextRisk } from "../../components/TextRisk";
import { Waiting } from "../../components/Waiting";
import { browserName } from "../../format/browser";
import { placeName } from "../../format/country";
import { when } from "../../format/time";
import { ProofDialog, wantsProof } from "./ProofDialog";

/** Every browser that the person is signed in with; one of them is signed out, or all. */
export function SessionsPanel() {
  const client = useQueryClient();
  const devices = useQuery(devicesQuery);
  const [all, setAll] = useState(false);
  const revoke = useMutation({
    mutationFn: (id: string) =>
      answer(api.DELETE("/api/sessions/{session_id}", { params: { path: { session_id: id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: keys.devices }),
  });
  const now = new Date();
  return (
    <Panel title="Where you are signed in">
      <ProblemNote error={devices.error ?? (wantsProof(revoke.error) ? null : revoke.error)} />
      {wantsProof(revoke.error) && revoke.variables !== undefined && (
        <ProofDialog onProved={() => revoke.mutate(revoke.variables)} onClose={() => revoke.reset()} />
      )}
      {all && <EverywhereDialog onClose={() => setAll(false)} />}
      {devices.isPending && <Waiting lines={3} what="your sessions" />}
      {devices.data && (
        <>
          <table className={list.table}>
            <thead>
              <tr>
                <th scope="col">Browser and place</th>
                <th scope="col">Last used</th>
                <th scope="col">
                  <span className="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {devices.data.items.map((device) => (
                <tr key={device.id}>
                  <td>
                    {browserName(device.agent)} {device.current && <Tag tone="accent">This one</Tag>}
                    <div className={list.under}>
                      {[placeName(device), device.address ?? "Address not known"].filter(Boolean).join(" · ")}
                    </div>
                  </td>
                  <td className="num">{when(device.last_used_at, now)}</td>
                  <td className={list.right}>
                    {!device.current && (
                      <Button
                        variant="default"
                        size="compact-sm"
                        onClick={() => revoke.mutate(device.id)}
                        loading={revoke.isPending && revoke.variables === device.id}
                        aria-label={`Sign out there: ${browserName(device.agent)}`}
                      >
                        Sign out
                      </Button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          <p className="quiet">
            The country is the one in which the address is registered. That of a mobile network or a VPN may
            be another than where the browser is.
          </p>
          <TextRisk />
          <div className="row">
            <Button variant="default" onClick={() => setAll(true)}>
              Sign out everywhere
            </Button>
          </div>
        </>
      )}
    </Panel>
  );
}

function EverywhereDialog({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const [thisToo, setThisToo] = useState(false);
  const leave = useMutation({
    mutationFn: () => answer(api.DELETE("/api/sessions", { params: { query: { this_too: thisToo } } })),
    onSuccess: async () => {
      // A new document forgets everything that this one held.
      if (thisToo) window.location.assign("/sign-in");
      else {
        await client.invalidateQueries({ queryKey: keys.devices });
        onClose();
      }
    },
  });
  if (wantsProof(leave.error)) {
    return <ProofDialog onProved={() => leave.mutate()} onClose={() => leave.reset()} />;
  }
  return (
    <Dialog title="Sign out everywhere?" onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!leave.isPending) leave.mutate();
        }}
      >
        <p>Every other browser is signed out within seconds. API keys go on.</p>
        <Checkbox
          label="In this browser too"
          checked={thisToo}
          onChange={(event) => setThisToo(event.currentTarget.checked)}
        />
        <ProblemNote error={leave.error} />
        <div className="row">
          <Button type="submit" color="red.9" loading={leave.isPending} data-autofocus>
            Sign out
          </Button>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
