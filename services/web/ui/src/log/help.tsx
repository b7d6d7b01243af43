// The keys of a run's page.

import { HelpDialog, Switch } from "../help";
import { ACTIONS } from "../keys";
import type { LogController } from "./controller";

const KEYS = Object.values(ACTIONS);

export function Help({ log }: { log: LogController }) {
  return (
    <HelpDialog label="Keyboard shortcuts" open={log.help} keys={KEYS}>
      <Switch on={log.single.value} changed={(on) => log.setSingle(on)}>
        Single-letter keys
      </Switch>
      <Switch on={log.reading.value} changed={(on) => log.setReading(on)}>
        Announce new lines to a screen reader
      </Switch>
    </HelpDialog>
  );
}
