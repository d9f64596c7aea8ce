/** Triage of one alert: state, verdict, who takes it, a word for the next shift. */
import { Button, Modal, SegmentedControl, Select, Textarea, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useMutation } from "urql";
import { describe } from "../../api/client";
import { TriageMutation } from "../../api/documents/alerts";
import { useSession } from "../../api/session";
import type { AlertState, Classification } from "../../gql/graphql";

interface Props {
  alert: {
    id: string;
    title: string;
    state: AlertState;
    classification?: Classification | null;
    assignee?: string | null;
    comment?: string | null;
  };
  onClose: () => void;
  onDone?: () => void;
}

const STATES: { value: AlertState; label: string }[] = [
  { value: "OPEN", label: "Open" },
  { value: "IN_PROGRESS", label: "In progress" },
  { value: "CLOSED", label: "Closed" },
];

const VERDICTS: { value: Classification; label: string }[] = [
  { value: "TRUE_POSITIVE", label: "True positive: it was an attack" },
  { value: "BENIGN_TRUE_POSITIVE", label: "Benign true positive: it happened, and was allowed" },
  { value: "FALSE_POSITIVE", label: "False positive: it did not happen like this" },
];

export function Triage({ alert, onClose, onDone }: Props) {
  const { viewer } = useSession();
  const [state, setState] = useState<AlertState>(alert.state);
  const [classification, setClassification] = useState<Classification | null>(alert.classification ?? null);
  const [assignee, setAssignee] = useState(alert.assignee ?? "");
  const [comment, setComment] = useState(alert.comment ?? "");
  const [result, triage] = useMutation(TriageMutation);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const answer = await triage({ input: { id: alert.id, state, classification, assignee, comment } });
    if (answer.error !== undefined) return;
    onDone?.();
    onClose();
  };

  return (
    <Modal opened onClose={onClose} title={`Triage ${alert.title.toLowerCase()}`} size={480}>
      <form onSubmit={submit} style={{ display: "flex", flexDirection: "column", gap: 12 }}>
        <SegmentedControl
          data={STATES}
          value={state}
          onChange={(value) => setState(value as AlertState)}
          size="xs"
          aria-label="State"
          fullWidth
        />
        <Select
          label="Verdict"
          placeholder="Not judged yet"
          data={VERDICTS}
          value={classification}
          onChange={(value) => setClassification(value as Classification | null)}
          clearable
          error={state === "CLOSED" && classification === null ? "A closed alert needs a verdict." : undefined}
        />
        <div style={{ display: "flex", alignItems: "end", gap: 8 }}>
          <TextInput
            label="Assigned to"
            className="grow"
            value={assignee}
            onChange={(event) => setAssignee(event.currentTarget.value)}
          />
          <Button onClick={() => setAssignee(viewer.name)}>Take it</Button>
        </div>
        <Textarea
          label="Comment"
          data-autofocus
          placeholder="What you know that the next analyst should"
          autosize
          minRows={2}
          maxRows={8}
          value={comment}
          onChange={(event) => setComment(event.currentTarget.value)}
        />
        {result.error !== undefined && (
          <div role="alert" style={{ color: "var(--hw-high)" }}>
            {describe(result.error).what}
          </div>
        )}
        <div style={{ display: "flex", justifyContent: "flex-end", gap: 8 }}>
          <Button onClick={onClose}>Leave as it is</Button>
          <Button
            type="submit"
            variant="filled"
            loading={result.fetching}
            disabled={state === "CLOSED" && classification === null}
          >
            Save
          </Button>
        </div>
      </form>
    </Modal>
  );
}
