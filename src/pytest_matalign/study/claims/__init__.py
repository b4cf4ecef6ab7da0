"""The sections of a study: what the paper claims, asked of the models at hand."""
