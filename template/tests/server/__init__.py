"""Tests of server/: the edge to uvicorn."""
