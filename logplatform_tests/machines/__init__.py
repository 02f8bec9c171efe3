"""Tests of the domain machines."""
