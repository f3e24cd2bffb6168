import { QueryClient, QueryClientProvider } from "@tanstack/preact-query";
import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import { ApiError, whenLoggedOut } from "./api";
import { App } from "./app";
import { apply, chosen } from "./parts/theme";
import "./style/base.css";
import "./style/parts.css";
import "./style/alerts.css";
import "./style/detail.css";

apply(chosen());
const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: false,
      // What the hub refuses stays refused; what did not answer may answer again.
      retry: (count, error) => count < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
    },
  },
});
whenLoggedOut(() => queries.setQueryData(["me"], null));
render(
  <QueryClientProvider client={queries}>
    <App />
  </QueryClientProvider>,
  document.getElementById("app")!,
);
