"""What each Protocol promises, as cases that every implementation runs."""
