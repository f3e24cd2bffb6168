"""Where alerts come in, and what machines ask: `/`, `/api/v1/alerts`, `/test`, `/ping`, probes, `/metrics`.

What is for people and for reading is `web`. Nothing is taken without a token, and 2xx is answered only after the
store has committed.
"""
