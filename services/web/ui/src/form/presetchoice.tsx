// The choice of a preset above the fields.

import { Select } from "../design/select";
import { sanitize } from "../sanitize";
import { inputId } from "./fields";
import type { Values } from "./presets";

/** Its place among the names of fields, where no parameter is. */
const PRESET = ".preset";
/** More names would say less. */
const NAMED = 8;

interface Props {
  readonly presets: Readonly<Record<string, Values>>;
  /** Empty: none. */
  readonly chosen: string;
  readonly choose: (name: string) => void;
}

export function PresetChoice({ presets, chosen, choose }: Props) {
  const names = Object.keys(presets).sort();
  if (names.length === 0) return null;
  const sets = Object.hasOwn(presets, chosen) ? Object.keys(presets[chosen] ?? {}) : [];
  const more = sets.length - NAMED;
  const said = sets.slice(0, NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
  return (
    <div class="field">
      <label for={inputId(PRESET)}>Preset</label>
      <div class="value">
        <Select
          id={inputId(PRESET)}
          aria-describedby={`${inputId(PRESET)}-help`}
          value={chosen}
          onChange={(event) => choose(event.currentTarget.value)}
        >
          <option value="">none</option>
          {names.map((name) => (
            <option key={name} value={name}>
              {sanitize(name)}
            </option>
          ))}
        </Select>
      </div>
      <small id={`${inputId(PRESET)}-help`}>
        {chosen === ""
          ? "Values that the task has a name for."
          : sets.length === 0
            ? "It sets nothing."
            : `It sets ${sanitize(said)}.`}
      </small>
    </div>
  );
}
