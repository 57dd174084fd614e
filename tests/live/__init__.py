"""The live world as others meet it: real sockets, no program but our own."""
