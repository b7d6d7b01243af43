// The keys of a run's page.

import { HelpDialog, Switch } from "../help";
import { ACTIONS } from "../keys";
import type { LogController } from "./controller";

const KEYS: readonly (readonly [keys: string, help: string])[] = Object.values(ACTIONS);

interface Props {
  readonly log: LogController;
  /** Keys that the page has besides. */
  readonly more?: typeof KEYS;
}

export function Help({ log, more = [] }: Props) {
  return (
    <HelpDialog label="Keyboard shortcuts" open={log.help} keys={[...KEYS, ...more]}>
      <Switch on={log.single.value} changed={(on) => log.setSingle(on)}>
        Single-letter keys
      </Switch>
      <Switch on={log.reading.value} changed={(on) => log.setReading(on)}>
        Announce new lines to a screen reader
      </Switch>
    </HelpDialog>
  );
}
