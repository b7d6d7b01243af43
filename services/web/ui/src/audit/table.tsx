// The rows of the audit log.

import { runAddress } from "../address";
import type { AuditEntry } from "../api";
import { Icon } from "../design/icon";
import { sanitize } from "../sanitize";
import { stamp } from "../time";
import { eventWords } from "./filters";

export function Table({ rows }: { rows: readonly AuditEntry[] }) {
  return (
    <div class="card">
      <table class="listing audit">
        <thead>
          <tr>
            <th scope="col">Event</th>
            <th scope="col">What</th>
            <th scope="col" class="side">
              Who
            </th>
            <th scope="col" class="side">
              From
            </th>
            <th scope="col" class="side">
              When
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((entry) => (
            <Row key={entry.id} entry={entry} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ entry }: { entry: AuditEntry }) {
  const { who, who_id, address, agent, request, count, t_ms } = entry;
  const when = stamp(t_ms);
  const brief = [when, who || who_id, address].filter(Boolean).join(" · ");
  return (
    <tr>
      <td>
        <Outcome entry={entry} />
        {count > 1 && <span class="count"> × {count}</span>}
      </td>
      <td class="what">
        <What entry={entry} />
        <span class="brief">{sanitize(brief)}</span>
      </td>
      <td class="side who">
        {sanitize(who || who_id)}
        {who_id && who_id !== who && <span class="id">{sanitize(who_id)}</span>}
      </td>
      <td class="side from" title={sanitize([agent, request].filter(Boolean).join("\n"))}>
        {sanitize(address)}
        {agent && <span class="id">{sanitize(agent)}</span>}
      </td>
      <td class="side when">
        <time dateTime={new Date(t_ms).toISOString()}>{when}</time>
      </td>
    </tr>
  );
}

/** An icon, words and a colour, never the colour alone. */
function Outcome({ entry: { event, outcome } }: { entry: AuditEntry }) {
  const failed = outcome !== "ok";
  const words = sanitize(eventWords(event));
  return (
    <span class={failed ? "chip failed" : "chip"}>
      <Icon name={failed ? "failed" : "succeeded"} />
      <span>
        {words}
        {failed && event !== "denied" && " failed"}
      </span>
    </span>
  );
}

/** The run, the right and the reason, as far as it has them. */
function What({ entry: { run, task, right, why } }: { entry: AuditEntry }) {
  return (
    <>
      {run ? (
        <a class="row-link" href={runAddress(run)}>
          <span class="task">{sanitize(task || "run")}</span>{" "}
          <span class="id">{sanitize(run)}</span>
        </a>
      ) : (
        task && <span class="task">{sanitize(task)}</span>
      )}
      {right && <span class="why">right: {sanitize(right)}</span>}
      {why && <span class="why">{sanitize(why)}</span>}
    </>
  );
}
