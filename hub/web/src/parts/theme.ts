// Light or dark: as the system says until somebody chooses.
export type Theme = "system" | "light" | "dark";

const KEY = "falcon.theme";

export function chosen(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : "system";
}

export function apply(theme: Theme): void {
  if (theme === "system") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, theme);
  document.documentElement.dataset.theme = theme;
  window.dispatchEvent(new Event("falcon-theme"));
}

/** Calls back when what is drawn (not styled) must be drawn anew. */
export function onChange(callback: () => void): () => void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", callback);
  window.addEventListener("falcon-theme", callback);
  return () => {
    system.removeEventListener("change", callback);
    window.removeEventListener("falcon-theme", callback);
  };
}

/** A colour of style.css as the canvas needs it: resolved for the theme in force. */
export function colour(name: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
