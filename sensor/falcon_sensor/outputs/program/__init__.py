"""Alerts on the standard input of a program, one a line: kept running, or run anew for each.

`process` is one run of the program, `sink` decides what follows when it fails. What an alert says reaches
the program as data alone: never as an argument, never through a shell.
"""
