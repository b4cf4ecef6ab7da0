"""One object for every verdict of a run, and the forms it is shown in."""
