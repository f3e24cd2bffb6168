"""The command `falcon-operator`: arguments, files, printing."""
