// The address bar as state: what is shown can be linked to, and the back button works.
import { useLayoutEffect, useState } from "preact/hooks";

const listeners = new Set<() => void>();

export function navigate(to: string, { replace = false } = {}): void {
  const now = location.pathname + location.search;
  if (to === now) return;
  history[replace ? "replaceState" : "pushState"](null, "", to);
  listeners.forEach((each) => each());
}

export function usePlace(): { path: string; search: string } {
  const [place, set] = useState({ path: location.pathname, search: location.search });
  // In a layout effect, like everything that reacts to people: before what they can act on is to be seen.
  useLayoutEffect(() => {
    const changed = () => set({ path: location.pathname, search: location.search });
    listeners.add(changed);
    window.addEventListener("popstate", changed);
    // Something may have changed between rendering and this effect.
    if (location.search !== place.search || location.pathname !== place.path) changed();
    return () => {
      listeners.delete(changed);
      window.removeEventListener("popstate", changed);
    };
  }, []);
  return place;
}
