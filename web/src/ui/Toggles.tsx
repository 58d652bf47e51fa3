/** Several things of which any number may be chosen, as a row of buttons that stay pressed. */
import styles from "./toggles.module.css";

interface TogglesProps {
  /** Names the group. */
  label: string;
  isLabelHidden?: boolean;
  options: { value: string; label: string; isDisabled?: boolean }[];
  chosen: string[];
  onToggle: (value: string) => void;
}

export function Toggles({ label, isLabelHidden = false, options, chosen, onToggle }: TogglesProps) {
  return (
    <fieldset className={styles.row}>
      <legend className={isLabelHidden ? styles.hidden : styles.legend}>{label}</legend>
      {options.map((option) => (
        <label key={option.value} className={styles.toggle}>
          <input
            type="checkbox"
            checked={chosen.includes(option.value)}
            disabled={option.isDisabled}
            onChange={() => onToggle(option.value)}
          />
          {option.label}
        </label>
      ))}
    </fieldset>
  );
}

/** The list with the item put in, or taken out when it was there. */
export function toggled(list: string[], item: string): string[] {
  return list.includes(item) ? list.filter((other) => other !== item) : [...list, item];
}
