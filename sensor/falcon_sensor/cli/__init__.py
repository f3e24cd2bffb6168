"""The command `falcon-sensor`: arguments in, exit code out. Belongs here: parsing, tables for
people, messages about wrong use. Does not belong here: anything a sensor does."""
