"""What goes to train, val or test: whole groups, no twin on two sides."""
