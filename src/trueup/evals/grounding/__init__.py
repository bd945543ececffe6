"""What an answer claims, what its context says, and how far the one bears out the other."""
