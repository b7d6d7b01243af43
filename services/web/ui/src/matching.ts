// Names that fit what was written. Pure.

/** Those that have a text somewhere, in any case: the same first, then those that begin with it. */
export function fitting(names: readonly string[], text: string): string[] {
  const wanted = text.toLowerCase();
  if (wanted === "") return [...names];
  const rank = (name: string) => {
    const at = name.toLowerCase().indexOf(wanted);
    if (at < 0) return 3;
    if (at > 0) return 2;
    return name.length === text.length ? 0 : 1;
  };
  const ranked = names.map((name) => [rank(name), name] as const).filter(([grade]) => grade < 3);
  return ranked.sort(([a], [b]) => a - b).map(([, name]) => name);
}

/** What to ask the server for, where a text may be the beginning of a run's id; null: it is none, or too short to say much. */
export function idQuery(text: string): string | null {
  if (!/^\S{4,255}$/.test(text)) return null;
  // The ids that Celery gives are in small letters.
  return /^[0-9a-f-]+$/i.test(text) ? text.toLowerCase() : text;
}
