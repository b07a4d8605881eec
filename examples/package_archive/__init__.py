"""The machine's own package databases as facts, and questions about them.

``python -m examples.package_archive`` reads Debian's archive through ``apt-cache dumpavail`` where there is one,
and the installed Python distributions anywhere, loads both into a store, and answers from it.
"""
