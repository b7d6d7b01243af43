// Text into the clipboard, on plain http too, where `navigator.clipboard` is absent.

export async function copyText(text: string): Promise<boolean> {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Not allowed: the old way may be.
    }
  }
  const put = (event: ClipboardEvent) => {
    event.stopImmediatePropagation();
    event.preventDefault();
    event.clipboardData?.setData("text/plain", text);
  };
  document.addEventListener("copy", put, { capture: true, once: true });
  const done = document.execCommand("copy");
  document.removeEventListener("copy", put, { capture: true });
  return done;
}

/**
 * As {@link copyText}, with a text that is still on its way. The clipboard is asked for at once: WebKit allows it at the
 * click only, and not some seconds after it.
 */
export async function copyLater(text: Promise<string>): Promise<boolean> {
  if (navigator.clipboard && "ClipboardItem" in window) {
    const item = text.then((found) => new Blob([found], { type: "text/plain" }));
    // Its failure is the text's, which is told below.
    item.catch(() => undefined);
    try {
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": item })]);
      return true;
    } catch {
      // Not allowed, or there is no text.
    }
  }
  return copyText(await text);
}
