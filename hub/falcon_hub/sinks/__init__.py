"""Where alerts are sent: one module a kind of receiver, all behind one protocol (`base.Sink`).

A sink turns messages into its receiver's wire format, sends them and says what became of each: there, refused for
good, or to be tried again. Whether, when and how often to send is `routing`'s; nothing here knows the store, and
nothing here waits or retries. What a sink says of a failure never contains a secret (`secrets`).
"""
