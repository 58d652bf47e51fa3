/** A small number with a button for one fewer and one more; it can be typed as well. */
import { useState } from "react";
import { Icon } from "./icons";
import styles from "./QuantityStepper.module.css";

interface QuantityStepperProps {
  /** What is counted: "Tickets for Lanterns on the Quay". */
  label: string;
  value: number;
  min?: number;
  max: number;
  onChange: (value: number) => void;
}

export function QuantityStepper({ label, value, min = 1, max, onChange }: QuantityStepperProps) {
  // What stands in the field while it is being typed and is not a number that is allowed.
  const [draft, setDraft] = useState<string | null>(null);

  const change = (wanted: number) => {
    setDraft(null);
    const fitting = Math.max(min, Math.min(max, Math.trunc(wanted)));
    if (fitting !== value) onChange(fitting);
  };
  const type = (text: string) => {
    const typed = Number(text);
    const isAllowed = text !== "" && Number.isInteger(typed) && typed >= min && typed <= max;
    if (isAllowed) change(typed);
    else setDraft(text);
  };
  const leave = () => {
    if (draft !== null) change(Number(draft) || value);
  };

  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be laid out in a row everywhere
    <div className={styles.stepper} role="group" aria-label={label}>
      <button type="button" aria-label="One fewer" disabled={value <= min} onClick={() => change(value - 1)}>
        <Icon name="minus" size={18} />
      </button>
      <input
        type="number"
        inputMode="numeric"
        aria-label={label}
        min={min}
        max={max}
        value={draft ?? value}
        onChange={(event) => type(event.currentTarget.value)}
        onBlur={leave}
      />
      <button type="button" aria-label="One more" disabled={value >= max} onClick={() => change(value + 1)}>
        <Icon name="plus" size={18} />
      </button>
    </div>
  );
}
