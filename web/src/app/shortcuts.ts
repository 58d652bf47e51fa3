/**
 * The keys that work everywhere, and the list of them for the `?` sheet.
 *
 * Keys are matched by the character they type, not by their place on the keyboard, so they hold on
 * every layout. Plain characters are left alone while someone is typing.
 */
import { useEffect } from "react";

export interface Shortcut {
  keys: string[];
  does: string;
}

const isApple = /mac|iphone|ipad/i.test(globalThis.navigator?.userAgent ?? "");
export const PALETTE_KEYS = isApple ? ["⌘", "K"] : ["Ctrl", "K"];

export const SHORTCUTS: Shortcut[] = [
  { keys: PALETTE_KEYS, does: "Search, or jump to a page" },
  { keys: ["?"], does: "Show this list" },
  { keys: ["Esc"], does: "Close what is open" },
];

interface ShortcutHandlers {
  onPalette: () => void;
  onSheet: () => void;
}

export function useShortcuts({ onPalette, onSheet }: ShortcutHandlers) {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        onPalette();
      } else if (event.key === "?" && !isTyping(event.target)) {
        onSheet();
      }
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [onPalette, onSheet]);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("input, textarea, select, [role=combobox]"))
  );
}
