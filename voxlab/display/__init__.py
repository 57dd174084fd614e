"""Floor 6: pictures of analysis values, as text and as SVG; pure functions that know neither the journal nor a
notebook.
"""
