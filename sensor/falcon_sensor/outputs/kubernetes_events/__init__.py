"""Alerts as Kubernetes Events, so that `kubectl get events` and `kubectl describe pod` show them.

    sink (the output's thread) -> ledger -> publisher (a thread of its own) -> client -> API server

`ledger` decides what is an Event of its own, what counts up one there is, and what is held back;
it knows no clock and no network. `objects` and `texts` put that into the API's words, `client` asks the
server and says what an answer means, `publisher` tries again. What an alert says is decided elsewhere.

The API's rules for Events (events.k8s.io/v1, the same from 1.19 to today): everything but metadata
and `series` is immutable; `series.count` is at least 2; eventTime, type, reason, action,
reportingController and reportingInstance are required; reason, action and reportingInstance have
at most 128 bytes, note 1,024; an Event is in its object's namespace, one about a Node in `default`.
"""
