# SPDX-License-Identifier: LGPL-2.1-or-later
# Waiting for servers. To be sourced.

# listens PATH: whether a server accepts at that address. The file is there before listen(2) is
# called, so its being there says nothing (__SO_ACCEPTCON among the flags of /proc/net/unix).
listens() { awk -v path="$1" '$4 == "00010000" && $8 == path { n++ } END { exit !n }' /proc/net/unix; }
