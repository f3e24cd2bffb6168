// Everything about one alert, and what can be done with it.
import { useQuery } from "@tanstack/preact-query";
import { get } from "../api";
import { CopyButton, Failure, Icon, PriorityBadge, Time } from "../parts/ui";
import { fully, relative } from "../times";
import type { Detail, Field } from "../types";
import { FACET_OF, show, type View, withTerm } from "../view";
import type { Action } from "./page";

interface Props {
  uuid: string;
  view: View;
  admin: boolean;
  onClose: () => void;
  onAction: (action: Action) => void;
}

export function DetailPanel({ uuid, view, admin, onClose, onAction }: Props) {
  const found = useQuery({
    queryKey: ["alert", uuid],
    queryFn: ({ signal }) => get<Detail>(`alerts/${encodeURIComponent(uuid)}`, signal),
  });
  const alert = found.data;
  return (
    <div class="detail" aria-busy={found.isPending}>
      <header>
        <div>
          {alert && <PriorityBadge priority={alert.priority} />}
          <h2>{alert?.rule ?? (found.error ? "Alert" : "Loading…")}</h2>
        </div>
        <span class="ends">
          {alert && <CopyButton text={alert.json} label="Copy the alert as JSON" />}
          {alert && <CopyButton icon="link" text={`${location.origin}/?from=&alert=${alert.uuid}`} label="Copy a link to this alert" />}
          <button type="button" class="quiet icon-only" aria-label="Close the alert" title="Close (Esc)" onClick={onClose}>
            <Icon name="close" />
          </button>
        </span>
      </header>
      {found.error && <Failure error={found.error} retry={() => void found.refetch()} />}
      {alert && <Body alert={alert} view={view} admin={admin} onAction={onAction} />}
    </div>
  );
}

function Body({ alert, view, admin, onAction }: { alert: Detail } & Pick<Props, "view" | "admin" | "onAction">) {
  return (
    <>
      <div class="actions">
        {admin && (
          <button type="button" onClick={() => onAction({ kind: "acknowledge", row: alert })}>
            <Icon name="check" />{alert.acknowledged ? "Acknowledged" : "Acknowledge"}
          </button>
        )}
        {admin && <button type="button" onClick={() => onAction({ kind: "silence", row: alert })}><Icon name="mute" />Silence…</button>}
        <button type="button" onClick={() => onAction({ kind: "exception", row: alert })}><Icon name="shield" />Exception…</button>
      </div>
      <States alert={alert} />
      <p class="output">{alert.output}</p>
      <dl class="facts">
        <Fact name="Time" view={view}><Time at={alert.time} text={fully(alert.time)} /> <span class="faint">{relative(alert.time)}</span></Fact>
        <Fact name="Rule" term="rule" value={alert.rule} view={view} />
        <Fact name="Host" term="hostname" value={alert.hostname} view={view} />
        <Fact name="Namespace" term="namespace" value={alert.namespace} view={view} />
        <Fact name="Pod" term="pod" value={alert.pod} view={view} />
        <Fact name="Container" term="container" value={alert.container} view={view} />
        <Fact name="Image" term="image" value={alert.image} view={view} />
        <Fact name="Source" term="source" value={alert.source} view={view} />
        {alert.tags.length > 0 && (
          <Fact name="Tags" view={view}>
            <span class="tags">
              {alert.tags.map((tag) => (
                <button key={tag} type="button" class="tag" title={`Show only alerts tagged ${tag}`}
                  onClick={() => show(withTerm(view, { key: "tag", value: tag, not: false }), {})}>{tag}</button>
              ))}
            </span>
          </Fact>
        )}
        <Fact name="Received" view={view}><Time at={alert.received} text={fully(alert.received)} /></Fact>
        <Fact name="UUID" view={view}><code>{alert.uuid}</code></Fact>
      </dl>
      <h3>Fields</h3>
      {alert.fields.length ? <FieldGroups fields={alert.fields} view={view} /> : <p class="faint">This alert came without fields.</p>}
    </>
  );
}

function States({ alert }: { alert: Detail }) {
  const mark = alert.acknowledged;
  return (
    <>
      {mark && (
        <p class="state">
          <Icon name="check" />
          <span>
            Acknowledged by <strong>{mark.who}</strong>, <Time at={mark.when} text={relative(mark.when)} />
            {mark.reason && <>: {mark.reason}</>}{mark.expires && <span class="faint"> (until {fully(mark.expires)})</span>}
          </span>
        </p>
      )}
      {alert.silenced && <p class="state"><Icon name="mute" /><span>A silence covered it when it came, so it was sent nowhere.</span></p>}
      {alert.silences.map((each) => (
        <p key={each.id} class="state">
          <Icon name="mute" />
          <span>
            Alerts like it are silenced by <strong>{each.who}</strong> until <Time at={each.expires} text={fully(each.expires)} />: {each.reason}
          </span>
        </p>
      ))}
    </>
  );
}

function Fact(props: { name: string; term?: string; value?: string | null; view: View; children?: preact.ComponentChildren }) {
  if (!props.children && !props.value) return null;
  return (
    <>
      <dt>{props.name}</dt>
      <dd>
        <span class="value">{props.children ?? props.value}</span>
        {props.term && props.value && <FieldActions name={props.term} value={props.value} view={props.view} />}
      </dd>
    </>
  );
}

function FieldGroups({ fields, view }: { fields: Field[]; view: View }) {
  const groups = Map.groupBy(fields, (each) => each.name.split(".")[0]!);
  return (
    <div class="fields card">
      {[...groups].sort(([one], [other]) => one.localeCompare(other)).map(([name, members]) => (
        <dl key={name}>
          {members.map((each) => (
            <div key={each.name} class="pair">
              <dt title={each.name}><Breakable name={each.name} /></dt>
              <dd>
                <span class="value mono">{each.value ?? <em class="faint">not known</em>}</span>
                {each.value !== null && <FieldActions name={each.name} value={each.value} view={view} />}
              </dd>
            </div>
          ))}
        </dl>
      ))}
    </div>
  );
}

/** A field's name, which may be broken after its dots. */
function Breakable({ name }: { name: string }) {
  return <>{name.split(/(?<=\.)/).map((part, index) => [index > 0 && <wbr key={index} />, part])}</>;
}

/** Beside each value: only these, not these, copy. */
function FieldActions({ name, value, view }: { name: string; value: string; view: View }) {
  const key = FACET_OF[name] ?? name;
  const term = (not: boolean) => show(withTerm(view, { key, value, not }), {});
  return (
    <span class="field-actions">
      <button type="button" class="quiet icon-only small" aria-label={`Show only ${name} ${value}`} title="Show only this" onClick={() => term(false)}>
        <Icon name="plus" />
      </button>
      <button type="button" class="quiet icon-only small" aria-label={`Exclude ${name} ${value}`} title="Exclude this" onClick={() => term(true)}>
        <Icon name="minus" />
      </button>
      <CopyButton text={value} label={`Copy ${name}`} />
    </span>
  );
}
