"""What Home begins with: what is wrong, since when, and what to do; people are told of it elsewhere too."""
