// A button that copies a text, and says whether it did.

import { useSignal } from "@preact/signals";
import { copyText } from "./clipboard";

/** @param what - What is copied, for those who hear the button. */
export function Copy({ text, what }: { text: string; what: string }) {
  const words = useSignal("Copy");
  return (
    <button
      type="button"
      class="steady"
      data-longest="Copying failed"
      aria-label={`${words.value} ${what}`}
      onClick={async () => {
        words.value = (await copyText(text)) ? "Copied" : "Copying failed";
      }}
    >
      {words.value}
    </button>
  );
}
