/**
 * The box that codes are typed and scanned into. It keeps the focus: a scanner that types like a
 * keyboard works at any moment, whatever was touched before.
 */
import { type RefObject, type SyntheticEvent, useEffect, useRef, useState } from "react";
import { Icon } from "../../ui/icons";
import styles from "./checkin.module.css";

interface ScanBoxProps {
  onCode: (code: string) => void;
  onCamera: () => void;
  isCameraOn: boolean;
}

export function ScanBox({ onCode, onCamera, isCameraOn }: ScanBoxProps) {
  const box = useRef<HTMLInputElement>(null);
  // On a touch screen the keyboard would cover half the page, so it comes only when it is asked for.
  const [wantsKeyboard, setWantsKeyboard] = useState(() => !matchMedia("(pointer: coarse)").matches);
  useKeptFocus(box);

  // Emptied at once: a scanner may be typing the next code already.
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (box.current === null) return;
    const code = box.current.value;
    box.current.value = "";
    box.current.focus();
    if (code.trim() !== "") onCode(code);
  };

  return (
    <form onSubmit={submit} className={styles.bar} autoComplete="off">
      <button
        type="button"
        className={styles.barButton}
        aria-pressed={isCameraOn}
        aria-label="Scan with the camera"
        onClick={() => {
          onCamera();
          box.current?.focus();
        }}
      >
        <Icon name="camera" size={24} />
      </button>
      <input
        ref={box}
        className={styles.box}
        aria-label="Ticket code"
        placeholder="Scan or type"
        inputMode={wantsKeyboard ? "text" : "none"}
        onPointerDown={() => setWantsKeyboard(true)}
        autoCapitalize="characters"
        autoCorrect="off"
        spellCheck={false}
        enterKeyHint="go"
        maxLength={300}
      />
      <button type="submit" className={`${styles.barButton} ${styles.check}`}>
        Check
      </button>
    </form>
  );
}

/** Takes the focus back when it falls to the page itself, and before a key that types something. */
function useKeptFocus(box: RefObject<HTMLInputElement | null>) {
  useEffect(() => {
    const isElsewhere = () => {
      const active = document.activeElement;
      return active !== box.current && (active === document.body || active?.id === "main" || active === null);
    };
    const takeBack = () => setTimeout(() => isElsewhere() && box.current?.focus({ preventScroll: true }));
    const onKeyDown = (event: KeyboardEvent) => {
      const types =
        event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
      const target = event.target;
      const isField =
        target instanceof HTMLElement && target.matches("input, textarea, select, [role=dialog] *");
      if (types && !isField) box.current?.focus({ preventScroll: true });
    };

    takeBack();
    document.addEventListener("focusout", takeBack);
    document.addEventListener("focusin", takeBack);
    // Before the shortcuts of the shell, which leave alone what is typed into a field.
    document.addEventListener("keydown", onKeyDown, true);
    addEventListener("focus", takeBack);
    return () => {
      document.removeEventListener("focusout", takeBack);
      document.removeEventListener("focusin", takeBack);
      document.removeEventListener("keydown", onKeyDown, true);
      removeEventListener("focus", takeBack);
    };
  }, [box]);
}
