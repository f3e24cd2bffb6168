"""Alerts to syslog: RFC 5424 over UDP, TCP (octet counting, RFC 6587) and TLS (RFC 5425), or what local daemons expect.

`messages` decides what a message says, `address` and `links` how it travels, `sink` what happens when
it does not arrive. Syslog has no answers: that a receiver's kernel has a message is all that can be known.
"""
