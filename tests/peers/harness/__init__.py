"""Starting, watching and stopping other people's SIP programs; knows nothing of voxlab's inside."""
