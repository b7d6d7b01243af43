// How far the reading of a run's log is.

export type Phase =
  | { readonly name: "opening" }
  | { readonly name: "live" }
  | { readonly name: "http" }
  /** The view is over: verified or not, nothing more will come. */
  | { readonly name: "over" }
  | { readonly name: "refused"; readonly why: string };
