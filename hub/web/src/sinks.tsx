// Where alerts are sent, and how that goes.
import { useQuery } from "@tanstack/preact-query";
import { get } from "./api";
import { Link } from "./app";
import { DeadLetters } from "./letters";
import { Failure, Notice, Time } from "./parts/ui";
import { bigNumber, relative } from "./times";
import type { Sink } from "./types";

const STATES: Record<Sink["state"], { label: string; help: string }> = {
  ok: { label: "Delivering", help: "Everything that came has been sent." },
  idle: { label: "Nothing yet", help: "No alert has been for it so far." },
  retrying: { label: "Retrying", help: "The last attempt failed; it is tried again, and nothing is lost meanwhile." },
  open: { label: "Down", help: "It failed so often that it is tried only now and then. Alerts wait for it." },
  standby: { label: "Standby", help: "Another hub on this database sends; the numbers are there." },
  stopped: { label: "Stopped", help: "It does not run." },
};

export function SinksPage({ search, admin }: { search: string; admin: boolean }) {
  const chosen = new URLSearchParams(search).get("dead");
  const found = useQuery({
    queryKey: ["sinks"],
    queryFn: ({ signal }) => get<{ sinks: Sink[] }>("sinks", signal),
    refetchInterval: 5_000,
  });
  const sinks = found.data?.sinks ?? [];
  return (
    <main id="content" class="page" tabIndex={-1}>
      <h1>Delivery</h1>
      <p class="faint">Where alerts are sent. What a receiver does not take waits for it; what it refuses is kept as a dead letter.</p>
      {found.error ? <Failure error={found.error} retry={() => void found.refetch()} />
        : found.isPending ? <p class="faint" role="status">Loading…</p>
        : !sinks.length ? (
          <Notice kind="empty" title="Alerts are sent nowhere">
            <p>They are kept and shown here. Add <code>sinks</code> to the hub's settings to send them to chat, mail, pagers or other stores.</p>
          </Notice>
        ) : (
          <div class="wide-table" role="region" aria-label="Sinks" tabIndex={0}>
            <table class="plain">
              <thead>
                <tr><th>Name</th><th>State</th><th class="number">Delivered</th><th class="number">Waiting</th><th class="number">Dead letters</th><th>Last success</th><th>Last trouble</th></tr>
              </thead>
              <tbody>
                {sinks.map((each) => (
                  <tr key={each.name}>
                    <td><strong>{each.name}</strong><br /><span class="faint">{each.type}</span></td>
                    <td><span class={`sink ${each.state}`} title={STATES[each.state]?.help}><i class="dot" />{STATES[each.state]?.label ?? each.state}</span></td>
                    <td class="number">{bigNumber(each.delivered)}</td>
                    <td class="number">{bigNumber(each.waiting)}</td>
                    <td class="number">
                      {admin && each.dead > 0
                        ? <Link to={`/sinks?dead=${encodeURIComponent(each.name)}`} current={each.name === chosen} name={`${bigNumber(each.dead)} dead letters of ${each.name}`}>{bigNumber(each.dead)}</Link>
                        : bigNumber(each.dead)}
                    </td>
                    <td>{each.last_success ? <Time at={each.last_success} text={relative(each.last_success)} /> : <span class="faint">none yet</span>}</td>
                    <td class="trouble">
                      {each.last_error ? <>{each.last_error}{each.last_error_at && <span class="faint"> <Time at={each.last_error_at} text={relative(each.last_error_at)} /></span>}</>
                        : <span class="faint">none</span>}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      {admin && chosen && <DeadLetters key={chosen} sink={chosen} />}
    </main>
  );
}
