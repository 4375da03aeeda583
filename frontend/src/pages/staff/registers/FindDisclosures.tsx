import { Button, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { answer, api } from "../../../api/client";
import { asProblem } from "../../../api/problem";
import list from "../../../components/List.module.css";
import { Note, ProblemNote } from "../../../components/Note";
import { Panel } from "../../../components/Page";
import { useForm } from "../../../components/useForm";
import { onDay } from "../../../format/time";
import classes from "../Staff.module.css";

/** Who was told what about one person. */
export function FindDisclosures() {
  const { values, field } = useForm({ whose: "" });
  const find = useMutation({
    mutationFn: () => answer(api.POST("/api/staff/disclosures/find", { body: values })),
  });
  const problem = asProblem(find.error);
  const atField = problem?.code === "account_unknown" || problem?.code === "mobile_invalid";
  return (
    <Panel title="Who was told what about a person">
      <form
        className={classes.find}
        onSubmit={(event) => {
          event.preventDefault();
          if (!find.isPending) find.mutate();
        }}
      >
        <TextInput
          label="Whole e-mail of the account, or number with its country code"
          autoComplete="off"
          required
          minLength={3}
          maxLength={254}
          error={atField ? problem.detail : problem?.forField("whose")}
          {...field("whose")}
        />
        <Button type="submit" variant="default" loading={find.isPending}>
          Find
        </Button>
      </form>
      {!atField && problem?.errors.length === 0 && <ProblemNote error={problem} />}
      {find.data?.items.length === 0 && (
        <Note role="status">Nobody was told anything about this person.</Note>
      )}
      {find.data && find.data.items.length > 0 && (
        <table className={list.table}>
          <thead>
            <tr>
              <th scope="col">Day</th>
              <th scope="col">Recipient</th>
              <th scope="col">What</th>
            </tr>
          </thead>
          <tbody>
            {find.data.items.map((row) => (
              <tr
                key={`${row.day} ${row.processor} ${row.endpoint} ${row.data_classes.map((one) => one.key)}`}
              >
                <td className="num">
                  {onDay(row.day)}
                  <div className={list.under}>{row.count === 1 ? "once" : `${row.count} times`}</div>
                </td>
                <td>{row.processor_name}</td>
                <td className={classes.wide}>{row.data_classes.map((one) => one.title).join(", ")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}
