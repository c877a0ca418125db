"""Files fetched and sent, in a process of its own: `python -m fota.transfers` (docs/updates.md, Transfers).

One job on its standard input, lines of progress on its standard output. It blocks, keeps 64 KiB at a time, runs at the
lowest priority and may be killed at any moment: what it had is gone on with.
"""
