"""From the ring to the outputs: the thread that consumes records, what it counts, and the watch
over what the kernel could not ship.

Belongs here: order and lifetime of the steps a record takes. Does not belong here: what a step
does (`kernel`, `records`, `state`, `engine`, `outputs`), starting and stopping the sensor (`app`).
"""
