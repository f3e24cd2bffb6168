import { useQuery, useQueryClient } from "@tanstack/preact-query";
import { useState } from "preact/hooks";
import { get, send, url, useToken } from "./api";
import type { Session } from "./types";

interface Ways {
  password: boolean;
  /** Name of the identity provider, as the button shows it. */
  oidc: string | null;
}

export function Login() {
  const queries = useQueryClient();
  const ways = useQuery({ queryKey: ["login"], queryFn: () => get<Ways>("login"), staleTime: Infinity });
  const [failed, setFailed] = useState("");
  const [busy, setBusy] = useState(false);
  return (
    <main class="lone">
      <form
        class="login card"
        onSubmit={async (event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          setBusy(true);
          setFailed("");
          try {
            const session = await send<Session>("POST", "login", { user: form.get("user"), password: form.get("password") });
            useToken(session);
            queries.setQueryData(["me"], session);
          } catch (error) {
            setFailed((error as Error).message);
          } finally {
            setBusy(false);
          }
        }}
      >
        <img src="/static/icon.svg" alt="" width="40" height="40" />
        <h1>Falcon</h1>
        <p class="faint">Log in to see the alerts.</p>
        {failed && <p class="error" role="alert">{failed}</p>}
        {ways.data?.password !== false && (
          <>
            <label>User<input name="user" autocomplete="username" required autofocus /></label>
            <label>Password<input name="password" type="password" autocomplete="current-password" required /></label>
            <button type="submit" class="primary" disabled={busy}>{busy ? "Logging in…" : "Log in"}</button>
          </>
        )}
        {ways.data?.oidc && <a class="button" href={`${url("oidc/login")}?next=${encodeURIComponent(location.pathname + location.search)}`}>Log in with {ways.data.oidc}</a>}
        <details class="faint">
          <summary>No account yet?</summary>
          <p>Whoever runs the hub adds you with <code>falcon-hub user add NAME</code>.</p>
        </details>
      </form>
    </main>
  );
}
