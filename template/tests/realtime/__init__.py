"""Tests of realtime/: the machinery around WebSockets."""
