"""Floor 9: the composition root and the only public handles, a file per noun; nothing below knows that these exist."""
