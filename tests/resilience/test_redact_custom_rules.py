"""What users add to the rules: patterns and secrets of their own, hidden until they are taken away again."""

from __future__ import annotations

import html
import json
import re
import threading

import pytest

from resilience.redact import add_pattern, add_secret, redact


class TestAddPattern:
    def test_a_pattern_hides_what_it_matches_until_it_is_removed(self):
        """The returned function takes the pattern away again, once and for all."""
        remove = add_pattern(r"customer-\d+")
        try:
            assert redact("customer-4711 unknown") == "[redacted] unknown"
        finally:
            remove()
        remove()
        assert redact("customer-4711 unknown") == "customer-4711 unknown"

    def test_a_compiled_pattern_and_a_replacement_with_groups_are_taken(self):
        """The replacement may keep a part of the match."""
        remove = add_pattern(re.compile(r"(order) \S+", re.IGNORECASE), r"\1 (hidden)")
        try:
            assert redact("Order 17x failed") == "Order (hidden) failed"
        finally:
            remove()

    def test_one_pattern_added_twice_is_two(self):
        """Removing one does not take the other away."""
        first, second = add_pattern("abcdef"), add_pattern("abcdef")
        first()
        try:
            assert redact("abcdef") == "[redacted]"
        finally:
            second()

    @pytest.mark.parametrize(
        ("pattern", "replacement", "message"),
        [
            (
                "(a",
                "x",
                "pattern '(a' is not a valid regular expression: missing ), unterminated subpattern at position 0",
            ),
            ("a*", "x", "pattern 'a*' matches the empty text: it would hide nothing and mark everything"),
            (r"\b", "x", r"pattern '\\b' matches the empty text: it would hide nothing and mark everything"),
            (r"(?=-)", "x", "pattern '(?=-)' matches the empty text: it would hide nothing and mark everything"),
            ("ab", r"\1", r"replacement '\\1' does not fit pattern 'ab': invalid group reference 1 at position 1"),
            ("ab", r"\g<n>", r"replacement '\\g<n>' does not fit pattern 'ab': unknown group name 'n'"),
        ],
    )
    def test_a_pattern_that_can_not_work_is_refused(self, pattern, replacement, message):
        """The error says what is wrong, and where."""
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            add_pattern(pattern, replacement)
        assert redact("abc") == "abc"

    @pytest.mark.parametrize(
        ("pattern", "kind"), [(b"abc", "bytes"), (None, "NoneType"), (5, "int"), (re.compile(b"abc"), "Pattern")]
    )
    def test_a_pattern_that_is_no_text_is_refused(self, pattern, kind):
        """A pattern of bytes can't be found in text, and is not shown."""
        with pytest.raises(TypeError, match=f"^pattern must be a str or a compiled pattern of str, not {kind}$"):
            add_pattern(pattern)

    @pytest.mark.parametrize(
        ("replacement", "kind"), [(None, "NoneType"), (b"x", "bytes"), (str.upper, "method_descriptor")]
    )
    def test_a_replacement_that_is_no_text_is_refused(self, replacement, kind):
        """It would fail with every text that is redacted later."""
        with pytest.raises(TypeError, match=f"^replacement must be a str, not {kind}$"):
            add_pattern("x", replacement)
        assert redact("x") == "x"


class TestAddSecret:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("is it c0rrect/horse +1?", "is it [redacted]?"),
            ("/?q=c0rrect%2Fhorse%20%2B1&x", "/?q=[redacted]&x"),
            ("/?q=c0rrect%2fhorse+%2b1&x", "/?q=[redacted]&x"),
            ("/c0rrect/horse%20%2B1/", "/[redacted]/"),
            ("c0rrect", "c0rrect"),
        ],
    )
    def test_the_secret_and_its_quoted_forms_are_hidden(self, text, expected):
        """A password that no rule could know is hidden as it is and as URLs write it."""
        remove = add_secret("c0rrect/horse +1")
        try:
            assert redact(text) == expected
        finally:
            remove()
        assert redact(text) == text

    def test_a_secret_with_quotes_is_hidden_in_a_repr_and_in_json(self):
        """Escapes do not save it."""
        remove = add_secret("a\"b'c\\d\né")
        try:
            assert redact(repr(["a\"b'c\\d\né"])) == "['[redacted]']"
            assert redact('{"x": "a\\"b\'c\\\\d\\n\\u00e9"}') == '{"x": "[redacted]"}'
        finally:
            remove()

    @pytest.mark.parametrize(
        ("secret", "text"),
        [
            ('ключ"17', json.dumps('ключ"17', ensure_ascii=False)),
            ("clé-secrète", repr("clé-secrète".encode())),
            ("clé-secrète", ascii("clé-secrète")),
            ("a<b>&'c\"", html.escape("a<b>&'c\"")),
            ("a<b>&'c\"", "a&lt;b&gt;&amp;&#39;c&quot;"),
            ("a<b>&'c\"", html.escape("a<b>&'c\"", quote=False)),
        ],
        ids=["json", "bytes", "ascii", "html", "html of jinja", "html without quotes"],
    )
    def test_the_secret_is_hidden_as_encoders_write_it(self, secret, text):
        """JSON may keep letters of any alphabet; bytes and HTML escape them, or quotes."""
        remove = add_secret(secret)
        try:
            hidden = redact(f"sent {text} there")
        finally:
            remove()
        assert "[redacted]" in hidden
        assert not any(part in hidden for part in ("17", "cl", "lt;", "a<b"))

    def test_of_two_secrets_the_longer_one_is_hidden_first(self):
        """A secret that begins with another one is hidden as a whole."""
        removers = [add_secret("abcdef"), add_secret("abcdefghi")]
        try:
            assert redact("abcdefghi abcdef") == "[redacted] [redacted]"
        finally:
            for remove in removers:
                remove()

    def test_a_secret_that_is_part_of_the_marker_leaves_the_marker_alone(self):
        """Redaction stays idempotent."""
        remove = add_secret("redacted")
        try:
            assert redact(redact("it was redacted")) == "it was [redacted]"
        finally:
            remove()

    def test_a_secret_that_is_too_short_is_refused_and_not_shown(self):
        """Five characters would hide parts of ordinary words; the error does not print them."""
        with pytest.raises(ValueError, match="characters") as caught:
            add_secret("hunte")
        assert str(caught.value) == (
            "a secret of 5 characters can't be hidden without hiding ordinary words: it must have at least 6"
        )

    def test_a_secret_that_is_no_text_is_refused_and_not_shown(self):
        """The error names the type only."""
        with pytest.raises(TypeError, match=r"^a secret must be a str, not bytes$"):
            add_secret(b"hunter2")

    def test_many_threads_may_add_and_remove_at_once(self):
        """No addition is lost, and none is left."""
        together = threading.Barrier(8)
        shown = []

        def add_use_and_remove(number):
            together.wait()
            for turn in range(50):
                secret = f"thread-{number}-turn-{turn}"
                remove = add_secret(secret)
                shown.append(redact(f"<{secret}>"))
                remove()

        threads = [threading.Thread(target=add_use_and_remove, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(shown) == {"<[redacted]>"}
        assert redact("thread-1-turn-1") == "thread-1-turn-1"
