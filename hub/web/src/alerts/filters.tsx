// The bar above the table: search, time, priority, a menu for each facet, and what is set now as chips.
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { url } from "../api";
import { Icon, Menu, Switch } from "../parts/ui";
import { fromInput, rangeLabel, RANGES, toInput, zone } from "../times";
import { PRIORITIES } from "../types";
import { asked, cleared, FACETS, isFiltered, parse, show, type View, withoutTerm, withTerm } from "../view";
import type { LiveState } from "./live";
import { useTop } from "./page";

interface Props {
  view: View;
  query: string;
  searchBox: RefObject<HTMLInputElement>;
  live: LiveState;
  paused: boolean;
  onPause: (paused: boolean) => void;
}

/** While somebody types, the search follows after a pause this long. */
const TYPING_MS = 350;

export function FilterBar({ view, query, searchBox, live, paused, onPause }: Props) {
  return (
    <section class="filters" aria-label="Filters">
      <div class="row">
        <Search view={view} box={searchBox} />
        <RangeMenu view={view} />
        {!view.to && (
          <button
            type="button" class={`live ${paused ? "paused" : live}`} aria-pressed={paused}
            title={paused ? "Resume the live view (p)" : "Pause the live view (p)"}
            onClick={() => onPause(!paused)}
          >
            {paused ? <Icon name="play" /> : <i class="dot" />}
            <span>{paused ? "Paused" : live === "live" ? "Live" : "Connecting…"}</span>
          </button>
        )}
        <Menu class="export" align="right" label={<><Icon name="download" /><span>Export</span></>}>
          {(close) => (
            <div class="stack">
              <p class="faint">Every alert that fits the filter, with all fields.</p>
              <a class="button" data-first href={`${url("export.json")}?${query}`} download onClick={close}>JSON</a>
              <a class="button" href={`${url("export.csv")}?${query}`} download onClick={close}>CSV</a>
            </div>
          )}
        </Menu>
      </div>
      <div class="row facets">
        <PriorityMenu view={view} />
        {FACETS.map((facet) => <FacetMenu key={facet.key} facet={facet} view={view} />)}
        <StateMenu view={view} />
      </div>
      {isFiltered(view) && <Chips view={view} />}
    </section>
  );
}

function Search({ view, box }: { view: View; box: RefObject<HTMLInputElement> }) {
  const [text, setText] = useState(view.q);
  // What this box has asked for. Its coming back must not undo what was typed since; only what others ask for may.
  const own = useRef(view.q);
  useLayoutEffect(() => {
    if (view.q === own.current) return;
    own.current = view.q;
    setText(view.q);
  }, [view.q]);
  const ask = (options?: { replace: boolean }) => {
    own.current = text.trim();
    // As the page is now: another filter may have been chosen while this one was being typed.
    show(parse(location.search), { q: own.current }, options);
  };
  useEffect(() => {
    if (text.trim() === own.current) return;
    const timer = setTimeout(() => ask({ replace: true }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <form
      class="search" role="search"
      onSubmit={(event) => {
        event.preventDefault();
        ask();
        box.current?.blur();
      }}
    >
      <Icon name="search" />
      <input
        ref={box} type="search" value={text} aria-label="Search in the alerts" placeholder="Search in the alerts"
        spellcheck={false} onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => event.key === "Escape" && box.current?.blur()}
      />
      <kbd aria-hidden="true">/</kbd>
    </form>
  );
}

function RangeMenu({ view }: { view: View }) {
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  useLayoutEffect(() => {
    setFrom(toInput(view.from));
    setTo(toInput(view.to));
  }, [view.from, view.to]);
  return (
    <Menu
      class="range" align="right" name={`Time range: ${rangeLabel(view.from, view.to)}`}
      label={<><span>{rangeLabel(view.from, view.to)}</span><Icon name="down" /></>}
    >
      {(close) => (
        <div class="stack">
          <ul class="choices">
            {RANGES.map((each, index) => (
              <li key={each.from}>
                <button
                  type="button" class="quiet" data-first={index === 0 ? true : undefined}
                  aria-current={!view.to && view.from === each.from ? "true" : undefined}
                  onClick={() => {
                    show(view, { from: each.from, to: "" });
                    close();
                  }}
                >
                  {each.label}
                </button>
              </li>
            ))}
          </ul>
          <form
            class="stack"
            onSubmit={(event) => {
              event.preventDefault();
              show(view, { from: fromInput(from), to: fromInput(to) });
              close();
            }}
          >
            <label>From<input type="datetime-local" value={from} onInput={(event) => setFrom(event.currentTarget.value)} /></label>
            <label>To<input type="datetime-local" value={to} onInput={(event) => setTo(event.currentTarget.value)} /></label>
            <p class="faint">In your zone, {zone}. Empty: the beginning, now.</p>
            <button type="submit">Show this range</button>
          </form>
        </div>
      )}
    </Menu>
  );
}

function PriorityMenu({ view }: { view: View }) {
  const set = (priorities: number[]) => show(view, { priorities: priorities.sort() });
  const count = view.priorities.length;
  return (
    <Menu class={count ? "set" : ""} label={<><span>Priority</span>{count > 0 && <b>{count}</b>}<Icon name="down" /></>}>
      {() => (
        <div class="stack">
          {PRIORITIES.map((name, index) => (
            <div class="choice" key={name}>
              <label>
                <input
                  type="checkbox" data-first={index === 0 ? true : undefined} checked={view.priorities.includes(index)}
                  onChange={(event) =>
                    set(event.currentTarget.checked
                      ? [...view.priorities, index] : view.priorities.filter((each) => each !== index))}
                />
                <span class={`p${index}`}><i class="dot" />{name}</span>
              </label>
              <button type="button" class="quiet small" onClick={() => set(PRIORITIES.map((_, each) => each).slice(0, index + 1))}>
                and above
              </button>
            </div>
          ))}
        </div>
      )}
    </Menu>
  );
}

function FacetMenu({ facet, view }: { facet: (typeof FACETS)[number]; view: View }) {
  const terms = view.terms.filter((each) => each.key === facet.key);
  return (
    <Menu
      class={terms.length ? "set" : ""}
      label={<><span>{facet.label}</span>{terms.length > 0 && <b>{terms.length}</b>}<Icon name="down" /></>}
    >
      {() => <Facet facet={facet} view={view} />}
    </Menu>
  );
}

function Facet({ facet, view }: { facet: (typeof FACETS)[number]; view: View }) {
  const [text, setText] = useState("");
  // Without this facet's own terms: otherwise the alternatives to what is chosen could not be seen.
  const others = asked({ ...view, terms: view.terms.filter((each) => each.key !== facet.key) });
  const top = useTop(facet.key, others, 100);
  const chosen = (value: string) => view.terms.find((each) => each.key === facet.key && each.value === value);
  const found = (top.data?.top ?? []).filter((each) => each.value.toLowerCase().includes(text.toLowerCase()));
  const missing = view.terms.filter((each) => each.key === facet.key && !top.data?.top.some((one) => one.value === each.value));
  const toggle = (value: string, not: boolean) => {
    const now = chosen(value);
    const term = { key: facet.key, value, not };
    show(now && now.not === not ? withoutTerm(view, term) : withTerm(view, term), {});
  };
  const add = () => {
    if (!text.trim()) return;
    toggle(found.length === 1 ? found[0]!.value : text.trim(), false);
    setText("");
  };
  return (
    <div class="stack facet">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          add();
        }}
      >
        <input
          type="text" data-first value={text} aria-label={`Find ${facet.plural}, or type one and press Enter`}
          placeholder={`Find ${facet.plural}`} spellcheck={false} onInput={(event) => setText(event.currentTarget.value)}
        />
      </form>
      {top.isPending && <p class="faint">Loading…</p>}
      {top.error && <p class="error">{top.error.message}</p>}
      {top.data && !found.length && (
        <p class="faint">{text ? <>None in this range. Enter filters by “{text}” all the same.</> : `No ${facet.plural} in this range.`}</p>
      )}
      <ul class="values">
        {[...missing.map((each) => ({ value: each.value, count: 0 })), ...found].map(({ value, count }) => {
          const now = chosen(value);
          return (
            <li key={value} class={now ? (now.not ? "excluded" : "included") : ""}>
              <label title={value}>
                <input type="checkbox" checked={now?.not === false} onChange={() => toggle(value, false)} />
                <span class="value">{value}</span>
              </label>
              <span class="count">{count.toLocaleString()}</span>
              <button
                type="button" class="quiet icon-only small" aria-pressed={now?.not === true}
                aria-label={`Exclude ${value}`} title="Exclude" onClick={() => toggle(value, true)}
              >
                <Icon name="minus" />
              </button>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

const STATES = [
  { key: "acknowledged", value: "no", label: "Hide acknowledged" },
  { key: "acknowledged", value: "yes", label: "Only acknowledged" },
  { key: "silenced", value: "no", label: "Hide silenced" },
  { key: "silenced", value: "yes", label: "Only silenced" },
] as const;

function StateMenu({ view }: { view: View }) {
  const count = Number(Boolean(view.acknowledged)) + Number(Boolean(view.silenced));
  return (
    <Menu class={count ? "set" : ""} label={<><span>State</span>{count > 0 && <b>{count}</b>}<Icon name="down" /></>}>
      {() => (
        <div class="stack">
          {STATES.map(({ key, value, label }) => (
            <Switch key={label} checked={view[key] === value} onChange={(on) => show(view, { [key]: on ? value : "" })}>
              {label}
            </Switch>
          ))}
        </div>
      )}
    </Menu>
  );
}

function Chips({ view }: { view: View }) {
  const label = (key: string) => FACETS.find((each) => each.key === key)?.label ?? key;
  const state = STATES.filter(({ key, value }) => view[key] === value);
  return (
    <ul class="chips" aria-label="Filters in force">
      {view.q && <Chip name="Text" value={view.q} onRemove={() => show(view, { q: "" })} />}
      {view.priorities.map((each) => (
        <Chip
          key={each} name="Priority" value={PRIORITIES[each]!}
          onRemove={() => show(view, { priorities: view.priorities.filter((one) => one !== each) })}
        />
      ))}
      {view.terms.map((term) => (
        <Chip
          key={`${term.not}${term.key}=${term.value}`} name={label(term.key)} value={term.value} not={term.not}
          onFlip={() => show(withTerm(view, { ...term, not: !term.not }), {})}
          onRemove={() => show(withoutTerm(view, term), {})}
        />
      ))}
      {state.map((each) => <Chip key={each.label} value={each.label} onRemove={() => show(view, { [each.key]: "" })} />)}
      <li><button type="button" class="quiet small" onClick={() => show(cleared(view), {})}>Clear all</button></li>
    </ul>
  );
}

function Chip(props: { name?: string; value: string; not?: boolean; onFlip?: () => void; onRemove: () => void }) {
  const words = `${props.name ? `${props.name} ${props.not ? "is not" : "is"} ` : ""}${props.value}`;
  const text = (
    <>
      {props.name && <span class="key">{props.name}{props.not ? " ≠ " : ": "}</span>}
      <span class="value">{props.value}</span>
    </>
  );
  return (
    <li class={`chip ${props.not ? "not" : ""}`}>
      {props.onFlip
        ? <button type="button" class="flip" title={`${words}: click for the opposite`} onClick={props.onFlip}>{text}</button>
        : <span class="flip">{text}</span>}
      <button type="button" class="remove" aria-label={`Remove the filter ${words}`} onClick={props.onRemove}><Icon name="close" /></button>
    </li>
  );
}
