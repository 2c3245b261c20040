"""Tests of security/: who a credential names."""
