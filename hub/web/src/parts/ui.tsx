// The page's own small vocabulary: icons, badges, menus, dialogs, notices.
import type { ComponentChildren, JSX } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { PRIORITIES } from "../types";
import { fully } from "../times";

const ICONS = {
  search: "M10.5 4a6.5 6.5 0 1 0 4 11.6l4.4 4.4 1.1-1.1-4.4-4.4A6.5 6.5 0 0 0 10.5 4zm0 1.6a4.9 4.9 0 1 1 0 9.8 4.9 4.9 0 0 1 0-9.8z",
  close: "M6.3 5.2 12 10.9l5.7-5.7 1.1 1.1-5.7 5.7 5.7 5.7-1.1 1.1-5.7-5.7-5.7 5.7-1.1-1.1 5.7-5.7-5.7-5.7z",
  plus: "M11.2 5h1.6v6.2H19v1.6h-6.2V19h-1.6v-6.2H5v-1.6h6.2z",
  minus: "M5 11.2h14v1.6H5z",
  copy: "M8 4h11v13h-3v3H5V7h3zm1.6 1.6V7H16v8.4h1.4V5.6zM6.6 8.6v9.8h7.8V8.6z",
  check: "m9.6 16.9-4.7-4.7 1.2-1.1 3.5 3.5 8.3-8.3 1.1 1.1z",
  mute: "M12 4.2a5.4 5.4 0 0 0-3.6 1.3L4.9 2 3.8 3.1 20 19.3l1.1-1.1-2.6-2.6-.9-1.5V9.8A5.6 5.6 0 0 0 12 4.2zm4 9.6-7-7a4 4 0 0 1 7 2.9zM6.5 8.7l-.1 1v4.4L4.8 17h10L13.2 15.4H7.5l.5-.9V10.2zM10 18.5a2 2 0 0 0 4 0z",
  pause: "M7 5h3.4v14H7zm6.6 0H17v14h-3.4z",
  play: "M7.5 5v14l11-7z",
  more: "M12 5a1.6 1.6 0 1 1 0 3.2A1.6 1.6 0 0 1 12 5zm0 5.4a1.6 1.6 0 1 1 0 3.2 1.6 1.6 0 0 1 0-3.2zm0 5.4a1.6 1.6 0 1 1 0 3.2 1.6 1.6 0 0 1 0-3.2z",
  down: "m6.5 9 5.5 5.5L17.5 9l1.1 1.1-6.6 6.6-6.6-6.6z",
  download: "M11.2 4h1.6v8.4l3-3 1.1 1.2-4.9 4.9-4.9-4.9 1.1-1.2 3 3zM5 18.4h14V20H5z",
  link: "M10.6 13.4a3.4 3.4 0 0 1 0-4.8l3-3a3.4 3.4 0 1 1 4.8 4.8l-1.5 1.5-1.1-1.1 1.5-1.5a1.8 1.8 0 1 0-2.6-2.6l-3 3a1.8 1.8 0 0 0 0 2.6zm2.8-2.8a3.4 3.4 0 0 1 0 4.8l-3 3a3.4 3.4 0 1 1-4.8-4.8l1.5-1.5 1.1 1.1-1.5 1.5a1.8 1.8 0 1 0 2.6 2.6l3-3a1.8 1.8 0 0 0 0-2.6z",
  shield: "M12 3.5 5 6v5.5c0 4.2 2.9 7.6 7 9 4.1-1.4 7-4.8 7-9V6zm0 1.7 5.4 1.9v4.4c0 3.3-2.2 6-5.4 7.3-3.2-1.3-5.4-4-5.4-7.3V7.1z",
  columns: "M4 5h16v14H4zm1.6 1.6v10.8h3.7V6.6zm5.3 0v10.8h2.7V6.6zm4.3 0v10.8h3.2V6.6z",
} as const;

export function Icon({ name }: { name: keyof typeof ICONS }) {
  return <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d={ICONS[name]} /></svg>;
}

export function PriorityBadge({ priority }: { priority: number }) {
  return (
    <span class={`badge p${priority}`}>
      <i class="dot" />
      {PRIORITIES[priority] ?? priority}
    </span>
  );
}

export function Time({ at, text }: { at: string; text: string }) {
  return <time dateTime={at} title={`${at} (UTC)\n${fully(at)} (local)`}>{text}</time>;
}

/** A button that opens a panel below it; closes on Escape, on a click elsewhere, and when `close` is called. */
export function Menu(props: {
  label: ComponentChildren;
  name?: string;
  class?: string;
  align?: "left" | "right";
  children: (close: () => void) => ComponentChildren;
}) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const panel = useId();
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  useLayoutEffect(() => {
    if (!open) return;
    const outside = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    const escape = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      close();
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    document.addEventListener("keydown", escape, true);
    root.current?.querySelector<HTMLElement>("[data-first]")?.focus();
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
      document.removeEventListener("keydown", escape, true);
    };
  }, [open]);
  return (
    <div class={`menu ${props.class ?? ""}`} ref={root}>
      <button
        type="button" ref={button} aria-expanded={open} aria-controls={open ? panel : undefined}
        {...(props.name ? { "aria-label": props.name, title: props.name } : {})}
        onClick={() => setOpen(!open)}
      >
        {props.label}
      </button>
      {/* To have the focus itself where a text in it is clicked: it would go outside otherwise, which closes the panel. */}
      {open && <div id={panel} tabIndex={-1} class={`panel ${props.align ?? "left"}`}>{props.children(close)}</div>}
    </div>
  );
}

/** A modal dialog: the browser keeps the focus inside, Escape closes it. */
export function Dialog(props: { title: string; wide?: boolean; onClose: () => void; children: ComponentChildren }) {
  const ref = useRef<HTMLDialogElement>(null);
  const title = useId();
  const there = useRef(true);
  useLayoutEffect(() => {
    const dialog = ref.current!;
    dialog.showModal();
    return () => {
      there.current = false;
      // Closing gives the focus back at once. One that Escape has closed did: what has the focus by now keeps it.
      if (dialog.open) dialog.close();
    };
  }, []);
  return (
    <dialog
      ref={ref} class={props.wide ? "wide" : ""} aria-labelledby={title}
      onClose={() => {
        // The event comes later than the closing; by then another dialog may be open.
        if (there.current) props.onClose();
      }}
      onClick={(event) => {
        if (event.target === ref.current) ref.current?.close();
      }}
    >
      <div class="dialog">
        <header>
          <h2 id={title}>{props.title}</h2>
          <button type="button" class="quiet icon-only" aria-label="Close" onClick={() => ref.current?.close()}>
            <Icon name="close" />
          </button>
        </header>
        {props.children}
      </div>
    </dialog>
  );
}

export function CopyButton(props: { text: string; label: string; icon?: keyof typeof ICONS; class?: string; disabled?: boolean; children?: ComponentChildren }) {
  const { text, label, children } = props;
  const [done, setDone] = useState(false);
  return (
    <button
      type="button" disabled={props.disabled} class={props.class ?? (children ? "" : "quiet icon-only")} aria-label={label} title={label}
      onClick={async () => {
        await copy(text);
        setDone(true);
        setTimeout(() => setDone(false), 1200);
      }}
    >
      <Icon name={done ? "check" : props.icon ?? "copy"} />
      {children && <span>{done ? "Copied" : children}</span>}
    </button>
  );
}

async function copy(text: string): Promise<void> {
  // navigator.clipboard is there only over HTTPS and on localhost.
  if (navigator.clipboard) {
    try {
      return await navigator.clipboard.writeText(text);
    } catch {
      // Not allowed: the old way.
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "offscreen";
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function Notice(props: { kind?: "error" | "empty" | "info"; title: string; children?: ComponentChildren }) {
  return (
    <div class={`notice ${props.kind ?? "info"}`} role={props.kind === "error" ? "alert" : "status"}>
      <strong>{props.title}</strong>
      {props.children && <div>{props.children}</div>}
    </div>
  );
}

export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <Notice kind="error" title="This could not be loaded">
      <p>{error instanceof Error ? error.message : String(error)}</p>
      {retry && <button type="button" onClick={retry}>Try again</button>}
    </Notice>
  );
}

export function Switch(props: { checked: boolean; onChange: (on: boolean) => void; children: ComponentChildren }) {
  return (
    <label class="switch">
      <input type="checkbox" checked={props.checked} onChange={(event) => props.onChange(event.currentTarget.checked)} />
      <span>{props.children}</span>
    </label>
  );
}

type Key = JSX.TargetedKeyboardEvent<HTMLElement> | KeyboardEvent;

/** Whether a key is meant for what has the focus rather than for the page. */
export function isTyping(event: Key): boolean {
  const target = event.target as HTMLElement;
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  if (document.querySelector("dialog[open]")) return true;
  return /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable;
}
