"""The peers: the same small service, written with each framework as its users would."""
