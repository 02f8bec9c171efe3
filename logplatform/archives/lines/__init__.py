"""Log lines into events: recognising a file's format, and one parser a format.

Everything here works on a stream of blocks in constant memory and knows neither ledger nor store. Each physical line
ends in exactly one place: it begins an event, continues one, or is refused; `parse` hands over all three.
"""
