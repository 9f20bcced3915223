"""
See for yourself that nothing acknowledged is lost.

Clients upload to a real service, which is started for the purpose. Meanwhile an adversary kills and freezes its
processes and empties its queue at any instant. Afterwards a verdict compares what was promised with what is there.

It runs on Linux only: processes are found in /proc, and held by pidfd_open(2), so that no other one is ever hit.
"""
