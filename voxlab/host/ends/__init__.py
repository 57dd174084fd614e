"""The ends of legs: what a phone and the cloud have where a call's media leaves or enters a host.

``place`` says where they live, ``end`` is what all share, ``terminal`` is a phone's and ``cloud_port`` the cloud's,
``video`` stands beside one; on_plane and the ``plane_*`` are the same where the media thread moves the packets.
"""
