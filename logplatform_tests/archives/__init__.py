"""Tests of the domain archives."""
