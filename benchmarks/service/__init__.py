"""The generated service beside its peers, on the same server, in the same run."""
