"""The service; `app.py` is its table of contents."""
