"""Faults: processes killed at any moment, full disks, sources that drop, and runs that meet."""
