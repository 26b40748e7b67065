"""The benchmark: Fairlead, its peers and the bare echo, measured side by side in one run.

`python -m bench` is the way in. The folder measures and reports; it refuses to tune the servers it
measures, to leave a failed or missing one out of its table, or to talk to anything but loopback.
"""
