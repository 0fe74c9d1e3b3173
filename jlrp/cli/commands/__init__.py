"""The commands with their arguments, options and help; what they do is imported when it is done."""
