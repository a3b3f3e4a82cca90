"""The rules behind `resilience.redact`.

``hide`` applies them. There are three kinds: passwords in URLs (``urls``), secrets of known shape (``formats``,
``commands``), and values beside a telling name (``assignments``, with ``names`` and ``values`` to judge them).
"""
