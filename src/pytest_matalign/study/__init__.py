"""The paper's findings, taken again with the models at hand: `matalign study`."""
