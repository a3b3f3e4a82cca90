"""The rules behind `resilience.redact`.

``hide`` applies them. There are three kinds: passwords in URLs (``urls``), secrets that their own shape or their place
gives away (``formats``, ``commands``, ``quotations``), and values beside a telling name (``assignments``, with
``names`` and ``values`` to judge them).
"""
