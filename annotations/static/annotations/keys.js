/** Which sign a key stands for, also under an input method, and when a key is none of ours. */

const BY_PLACE = { Equal: "=", Minus: "-" };
const SHIFTED = { Backslash: "|", Slash: "?" };

/** The sign of a key press. An input method hides letters behind "Process": then the physical key counts. */
export function signOf(event) {
  if (event.key !== "Process" && event.keyCode !== 229) return event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const { code, shiftKey } = event;
  if (/^Key[A-Z]$/.test(code)) return code.slice(3).toLowerCase();
  if (/^(Digit|Numpad)[0-9]$/.test(code)) return code.slice(-1);
  return (shiftKey ? SHIFTED[code] : BY_PLACE[code]) ?? "";
}

/** Whether the person is writing text here, so that letters are letters. */
export function isWriting(event) {
  if (event.isComposing) return true;
  const field = event.target;
  return field.matches("textarea, select, input:not([type=radio], [type=checkbox])") || field.isContentEditable;
}

export const isSubmit = (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey);
export const isUndo = (event) => isCommand(event, "z") && !event.shiftKey;
export const isRedo = (event) => (isCommand(event, "z") && event.shiftKey) || isCommand(event, "y");
// Some keyboards reach | and = only with Alt: then Alt is part of the sign.
export const hasModifier = (event) => !(event.altKey && /^[|=]$/.test(event.key)) && (event.ctrlKey || event.metaKey || event.altKey);

const isCommand = (event, letter) => (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === letter;
