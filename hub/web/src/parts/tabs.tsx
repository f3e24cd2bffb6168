// One of several panels, chosen by tabs: with the mouse, or with the arrow keys while a tab has the focus.
import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";

export function Tabs<Key extends string>(props: {
  name: string;
  tabs: { key: Key; label: string }[];
  chosen: Key;
  onChoose: (key: Key) => void;
  /** What stands at the end of the row: something to do with the panel. */
  beside?: ComponentChildren;
  children: ComponentChildren;
}) {
  const { tabs, chosen, onChoose } = props;
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const move = (event: KeyboardEvent) => {
    const at = tabs.findIndex((each) => each.key === chosen);
    const places: Record<string, number> = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 };
    const to = places[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const index = (to + tabs.length) % tabs.length;
    onChoose(tabs[index]!.key);
    (list.current?.children[index] as HTMLElement).focus();
  };
  return (
    <>
      <div class="tabs">
        <div role="tablist" aria-label={props.name} ref={list} onKeyDown={move}>
          {tabs.map(({ key, label }) => (
            <button
              key={key} type="button" role="tab" id={`${id}-${key}`} aria-controls={`${id}-panel`}
              aria-selected={key === chosen} tabIndex={key === chosen ? 0 : -1} onClick={() => onChoose(key)}
            >
              {label}
            </button>
          ))}
        </div>
        {props.beside}
      </div>
      <div role="tabpanel" class="stack" id={`${id}-panel`} aria-labelledby={`${id}-${chosen}`}>{props.children}</div>
    </>
  );
}
