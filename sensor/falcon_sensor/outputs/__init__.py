"""Where alerts go: each output has a queue and a thread of its own, so that a slow or broken one
delays neither the probe nor the others.

`base` has the queue and what a sink must offer, every other module one kind of sink. Nothing
here decides whether there is an alert.
"""
