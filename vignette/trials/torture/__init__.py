"""
See for yourself that nothing acknowledged is lost: a real service of its own, clients that upload to it, and an
adversary that kills and freezes its processes and empties its queue at any instant; afterwards, what it promised is
compared with what is there.

Linux only: processes are found in /proc, and held by pidfd_open(2), so that no other is ever hit.
"""
