"""What is sent where, when and how often: between the store, which has every alert, and the sinks, which send.

    Store.after(cursor) -> choosing (priority, match, silences) -> grouping, pacing -> Message -> Sink.send -> advance

One worker a sink, so that one that hangs delays no other. The store is the spool: a sink whose receiver is away stands
still at its cursor, and nothing is kept here that a restart would lose. Wire formats are `sinks`', not ours.
"""
