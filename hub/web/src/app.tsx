// The frame: who is logged in, which page, and the keys that work everywhere.
import { useQuery, useQueryClient } from "@tanstack/preact-query";
import { useLayoutEffect, useState } from "preact/hooks";
import { AlertsPage } from "./alerts/page";
import { get, send, useToken } from "./api";
import { AuditPage } from "./audit";
import { Help } from "./help";
import { Login } from "./login";
import { apply, chosen, type Theme } from "./parts/theme";
import { Failure, isTyping, Menu } from "./parts/ui";
import { navigate, usePlace } from "./place";
import { SilencesPage } from "./silences";
import { SinksPage } from "./sinks";
import type { Session } from "./types";

const PAGES = [
  { path: "/", label: "Alerts", admin: false },
  { path: "/silences", label: "Silences", admin: false },
  { path: "/sinks", label: "Delivery", admin: false },
  { path: "/audit", label: "Audit", admin: true },
];

export function App() {
  const session = useQuery({
    queryKey: ["me"],
    queryFn: async () => {
      const found = await get<Session | null>("me");
      if (found) useToken(found);
      return found;
    },
    staleTime: Infinity,
  });
  if (session.isPending) return <Splash />;
  if (session.error) return <main class="lone"><Failure error={session.error} retry={() => session.refetch()} /></main>;
  return session.data ? <Frame session={session.data} /> : <Login />;
}

function Splash() {
  return <main class="lone" aria-busy="true"><p class="faint">Loading…</p></main>;
}

function Frame({ session }: { session: Session }) {
  const { path, search } = usePlace();
  const [help, setHelp] = useState(false);
  const admin = session.role === "admin";
  useLayoutEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (isTyping(event) || event.key !== "?") return;
      event.preventDefault();
      setHelp(true);
    };
    document.addEventListener("keydown", key);
    return () => document.removeEventListener("keydown", key);
  }, []);
  useLayoutEffect(() => {
    const page = PAGES.find((each) => each.path === path);
    document.title = page ? `${page.label} · Falcon` : "Falcon";
  }, [path]);
  return (
    <>
      <a class="skip" href="#content">Skip to the content</a>
      <header class="top">
        <Link class="brand" to="/"><img src="/static/icon.svg" alt="" width="24" height="24" /><span>Falcon</span></Link>
        <nav aria-label="Pages">
          {PAGES.filter((each) => admin || !each.admin).map((each) => (
            <Link key={each.path} to={each.path} current={each.path === path}>{each.label}</Link>
          ))}
        </nav>
        <div class="end">
          <button type="button" class="quiet" aria-label="Help and keys" title="Help and keys (?)" onClick={() => setHelp(true)}>?</button>
          <UserMenu session={session} />
        </div>
      </header>
      {path === "/silences" ? <SilencesPage admin={admin} />
        : path === "/sinks" ? <SinksPage search={search} admin={admin} />
        : path === "/audit" ? <AuditPage admin={admin} />
        : <AlertsPage search={search} admin={admin} />}
      {help && <Help onClose={() => setHelp(false)} />}
    </>
  );
}

function UserMenu({ session }: { session: Session }) {
  const queries = useQueryClient();
  const [theme, setTheme] = useState<Theme>(chosen);
  return (
    <Menu class="user" align="right" label={<span>{session.user}</span>} name={`${session.user}: appearance and log out`}>
      {() => (
        <div class="stack">
          <p class="who"><strong>{session.user}</strong><br /><span class="faint">{session.role === "admin" ? "Administrator" : "Viewer: can look, not change"}</span></p>
          <fieldset class="segments">
            <legend>Appearance</legend>
            {(["system", "light", "dark"] as const).map((each) => (
              <label key={each}>
                <input
                  type="radio" name="theme" checked={theme === each}
                  onChange={() => {
                    apply(each);
                    setTheme(each);
                  }}
                />
                <span>{each === "system" ? "System" : each === "light" ? "Light" : "Dark"}</span>
              </label>
            ))}
          </fieldset>
          <button
            type="button" data-first
            onClick={async () => {
              // What is still being asked for would be refused once the session has ended.
              await queries.cancelQueries();
              await send("POST", "logout").catch(() => undefined);
              // Nothing of what this user saw stays for the next one.
              queries.setQueryData(["me"], null);
              queries.removeQueries({ predicate: (each) => each.queryKey[0] !== "me" });
              // Not by navigate: what is still shown for a moment would begin to ask for what is there.
              history.pushState(null, "", "/");
            }}
          >
            Log out
          </button>
        </div>
      )}
    </Menu>
  );
}

export function Link(props: { to: string; current?: boolean; class?: string; name?: string; children: preact.ComponentChildren }) {
  return (
    <a
      href={props.to} class={props.class ?? ""} aria-current={props.current ? "page" : undefined} aria-label={props.name}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
        event.preventDefault();
        navigate(props.to);
      }}
    >
      {props.children}
    </a>
  );
}
