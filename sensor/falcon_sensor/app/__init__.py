"""Starting, running and stopping a sensor: the one place that knows all parts and their order.

Belongs here: processes, signals, what happens once a second, the end. Does not belong here:
arguments and their errors (`cli`), what the parts do.
"""
