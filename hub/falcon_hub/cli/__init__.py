"""Arguments of `falcon-hub`, and its small commands. `serve` itself is `app`'s."""
