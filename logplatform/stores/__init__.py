"""Where data lives: one module a store, every implementation of its Protocol side by side.

A store knows bytes, rows and transactions; it never knows a domain.
"""
