// Where alerts are sent, and how that goes.
import { useQuery, useQueryClient } from "@tanstack/preact-query";
import { useState } from "preact/hooks";
import { get, send } from "./api";
import { Failure, Notice, Time } from "./parts/ui";
import { bigNumber, relative } from "./times";
import type { Sink } from "./types";

const STATES: Record<Sink["state"], { label: string; help: string }> = {
  ok: { label: "Delivering", help: "Everything that came has been sent." },
  idle: { label: "Nothing yet", help: "No alert has been for it so far." },
  retrying: { label: "Retrying", help: "The last attempt failed; it is tried again, and nothing is lost meanwhile." },
  open: { label: "Down", help: "It failed so often that it is tried only now and then. Alerts wait for it." },
  stopped: { label: "Stopped", help: "It does not run." },
};

export function SinksPage({ admin }: { admin: boolean }) {
  const queries = useQueryClient();
  const [failed, setFailed] = useState("");
  const found = useQuery({
    queryKey: ["sinks"],
    queryFn: ({ signal }) => get<{ sinks: Sink[] }>("sinks", signal),
    refetchInterval: 5_000,
  });
  const act = async (sink: Sink, action: "retry" | "drop") => {
    setFailed("");
    try {
      await send("POST", `sinks/${encodeURIComponent(sink.name)}/dead-letters/${action}`);
    } catch (error) {
      setFailed((error as Error).message);
    }
    await queries.invalidateQueries({ queryKey: ["sinks"] });
  };
  const sinks = found.data?.sinks ?? [];
  return (
    <main id="content" class="page" tabIndex={-1}>
      <h1>Delivery</h1>
      <p class="faint">Where alerts are sent. What a receiver does not take waits for it; what it refuses is kept as a dead letter.</p>
      {failed && <p class="error" role="alert">{failed}</p>}
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
                      {bigNumber(each.dead)}
                      {admin && each.dead > 0 && (
                        <span class="actions end">
                          <button type="button" class="small" onClick={() => void act(each, "retry")}>Send again</button>
                        </span>
                      )}
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
    </main>
  );
}
