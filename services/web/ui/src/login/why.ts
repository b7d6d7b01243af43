// Why a login at the provider failed: the address has a word for it, and never a sentence that somebody else wrote. Pure.

const SENTENCES = new Map([
  ["denied", "The provider did not let you in, or you stopped there. You can try again."],
  ["away", "The provider does not answer now. Nothing has changed; try again in a minute."],
  [
    "expired",
    "This login took too long, was used already, or began in another browser. Log in again.",
  ],
  [
    "refused",
    "The provider's answer cannot be used. Ask an administrator: the log of the web service says why.",
  ],
  ["locked", "You are locked out. An administrator did this. Ask them to let you in."],
]);

/** The sentence for the login page; null if nothing failed. */
export function whyOf(search: string): string | null {
  return SENTENCES.get(new URLSearchParams(search).get("why") ?? "") ?? null;
}
