"""Secrets that are known by their own shape, wherever they stand: keys, tokens, webhooks, credentials."""

from __future__ import annotations

import re
from typing import Final

from resilience._secrets.patterns import Shape
from resilience._secrets.values import ends_in_parameter, is_plain, looks_random

# A slash as URLs, JSON and parameters of URLs write it.
_S: Final = r"(?:\\?/|%2[Ff])"


def _is_random(found: re.Match[str]) -> bool:
    return looks_random(found["secret"])


def _is_bearer(found: re.Match[str]) -> bool:
    secret = found["secret"]
    return len(secret) >= 24 or (len(secret) >= 6 and not is_plain(secret.rstrip("!?")))


def _is_password(found: re.Match[str]) -> bool:
    before = found.string[found.start() : found.end("secret")]
    is_driver = before.endswith(":") and "oracle:" in before  # jdbc:oracle:thin:@host
    return not (found["secret"].isdigit() or is_driver or ends_in_parameter(before))


def _is_basic(found: re.Match[str]) -> bool:
    from binascii import a2b_base64  # a shared library to load, for a scheme that few texts name

    digits = found["secret"].rstrip("=")
    try:
        return b":" in a2b_base64(digits + "=" * (-len(digits) % 4))
    except ValueError:
        return False


# Prefixes as their issuers publish them; the lengths are lower bounds, for what other text could match.
_TOKENS: Final = r"""(?<![A-Za-z0-9])(?=[\w.:$+/=,~-]{16})(?P<secret>
      A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{12,} | (?:FwoGZXIvYXdz|IQoJb3JpZ2lu)[\w+/=]{10,}  # Amazon
    | AIza[\w-]{20,} | ya29\.[\w-]{10,} | GOCSPX-[\w-]{10,} | 1//0[\w-]{20,}  # Google
    | 4/0[\w-]{12,} | AAAA[\w-]{7}:APA91b[\w-]{30,}
    | [\w~.-]{3}\dQ~[\w~.-]{30,} | (?<!sha512-)[A-Za-z0-9+/]{86}==  # Azure
    | LTAI[A-Za-z0-9]{12,} | AKID[A-Za-z0-9]{28,}  # Alibaba, Tencent
    | gh[pousr]_[A-Za-z0-9]{16,} | github_pat_\w{16,}
    | gl(?:pat|dt|rt|cbt|ptt|ft|soat|imt|agent|oas|ffct)-[\w.-]{10,} | AT(?:ATT|CTT|BB)[\w=-]{16,}
    | xox[a-z][.-][\w.-]{8,} | xapp-[\w-]{12,} | (?<!:)\d{8,10}:[A-Za-z0-9_-]{35}(?![\w-])  # Slack, Telegram
    | [MNO][A-Za-z\d_-]{22,28}\.[\w-]{6,7}\.[\w-]{27,}  # Discord
    | [sr]k_(?:live|test|prod)_\w{8,} | whsec_[\w+/=-]{12,} | sq0[a-z]{3}-[\w-]{16,}  # Stripe, Square
    | access-(?:sandbox|development|production)-[0-9a-f-]{36} | access_token\$production\$[\w$]{16,}
    | shp(?:at|ss|ca|pa)_\w{16,} | EAA[\w-]{30,}  # Shopify, Meta
    | sk-(?!ecdsa|ssh)[\w-]{16,} | sess-\w{20,} | (?:gsk|xai|pplx|r8|hf|pcsk|nvapi|tgp|csk|jina|tvly)[_-][\w-]{24,}
    | fw_[A-Za-z0-9]{20,}
    | npm_\w{16,} | pypi-Ag[\w-]{16,} | rubygems_\w{20,} | cio[A-Za-z0-9]{32} | oy2[a-z0-9]{43} | CLOJARS_\w{30,}
    | dckr_[op]at_[\w-]{16,} | AKCp\w{20,} | sq[pua]_\w{32,}  # Docker, JFrog, Sonar
    | SG\.[\w-]{8,}\.[\w-]{8,} | SK[0-9a-f]{32}(?![0-9A-Za-z]) | key-[0-9a-f]{32}  # SendGrid, Twilio
    | [0-9a-f]{32}-us\d{1,2} | xkeysib-[\w-]{20,}  # Mailchimp, Brevo
    | eyJ[\w-]{5,}(?:\.[\w-]*){1,4} | eyJ[\w+/=-]{30,}  # JWT, JSON in base64
    | do[por]_v1_[0-9a-f]{16,} | fo1_[\w-]{16,} | fm[12][ar]?_[\w+/=,-]{16,} | tskey-[\w-]{12,}
    | lin_(?:api|oauth)_\w{16,} | secret_[A-Za-z0-9]{30,} | ntn_\w{30,} | dapi[0-9a-f]{32} | gls[a]_\w{20,}
    | glc_[\w+/=-]{20,} | NR(?:AK|JS|II|RA)-[\w-]{16,} | sntry[su]_[\w+/=-]{16,} | ph[cx]_\w{20,}
    | hv[sbr]\.[\w-]{16,} | s\.[A-Za-z0-9]{24}(?![A-Za-z0-9]) | [A-Za-z0-9]{14}\.atlasv1\.[\w-]{20,}    # HashiCorp
    | dp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{16,} | ops_eyJ\w{20,} | AGE-SECRET-KEY-1[0-9A-Z]{10,}
    | pscale_(?:tkn|pw|oauth)_[\w.-]{16,} | sb[ps]_\w{20,} | sb_secret_\w{16,} | sl\.[\w-]{40,}
    | fig[du]_[\w-]{16,} | pat[A-Za-z0-9]{14}\.[0-9a-f]{32,} | PMAK-[\w-]{20,} | CFPAT-[\w-]{20,}
    | pat-(?:na|eu|ap)\d-[0-9a-f-]{30,} | re_[A-Za-z0-9]{8}_[A-Za-z0-9]{16,}  # HubSpot, Resend
    | HRKU-[\w-]{20,} | lsv2_(?:pt|sk)_\w{20,} | vercel_blob_rw_\w{16,} | (?:[a-z]{2}\d\dxx)?[0-9a-f]{30,36}NRAL
    | key-(?=[a-z]*\d)[0-9a-z]{32}(?![\w-]) | sk_[0-9a-f]{32,} | tfp_\w{30,} | rdme_xn8s9h\w{30,}
    | duffel_(?:live|test)_[\w-]{20,} | EZ[AT]K[A-Za-z0-9]{40,} | dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{20,}
    | bkua_\w{20,} | CCIP(?:AT|RJ)_\w{16,} | p(?:nu|ul)[_-]\w{30,} | PVEAPIToken=\S{10,}
    | \$(?:2[abxy]|[156y]|argon2(?:id?|d))\$[\w./$+=,-]{16,} | pbkdf2_sha\d+\$\d+\$[\w+/=$-]{16,}
    )"""

FORMATS: Final = (
    # Private keys. Without its end, a key goes on to the end of the text.
    Shape(
        ("private key",),
        r"""-----BEGIN[ ][A-Z0-9 ]{0,40}PRIVATE[ ]KEY(?:[ ]BLOCK)?-----
        (?P<secret>[^-]*+(?:-(?!----)[^-]*+)*+(?=-----END[ ])
        |(?:[\s"'+]|\\[rn])*(?:[A-Za-z0-9+/=]{16}|Proc-Type|Version|Comment).*)""",
        re.DOTALL | re.VERBOSE,
    ),
    Shape(("private-lines",), r"Private-Lines: \d+\s(?P<secret>(?:[A-Za-z0-9+/=]++(?:\s|\\[rn])*+)++)"),
    Shape(('"kty"', "'kty'"), r"""["'](?:d|p|q|dp|dq|qi|k)["']\s*:\s*["'](?P<secret>[\w+/=-]{16,})"""),
    # Webhooks: whoever holds the URL can post. Clients' errors may name the path only.
    Shape(
        ("webhooks",),
        rf"""(?i:discord(?:app)?\.com(?::\d+)?{_S}api(?:{_S}v\d+)?{_S}webhooks{_S}
        |webhooks{_S}(?=\d{{15,}}{_S}[\w.-]{{8}}))(?P<secret>\d+{_S}[\w.~-]+)""",
        re.VERBOSE,
    ),
    Shape(
        ("slack",),
        rf"hooks\.slack(?:-gov)?\.com(?::\d+)?{_S}[a-z]+{_S}(?P<secret>[A-Za-z0-9][\w/%\\-]+)",
        re.IGNORECASE,
    ),
    Shape(("/services",), rf"{_S}services{_S}(?P<secret>T\w{{4,}}{_S}B\w{{4,}}{_S}[\w-]+)"),
    Shape(
        ("outlook.office", "webhookb2"),
        rf"(?:outlook\.office(?:365)?\.com{_S}webhook|{_S}webhookb2){_S}(?P<secret>[^\s\"'<>]+)",
        re.IGNORECASE,
    ),
    Shape(("/bot",), r"/bot(?P<secret>\d{5,}(?::|%3A)[\w-]{10,})"),
    Shape(("hooks.zapier",), r"hooks\.zapier\.com/hooks/catch/(?P<secret>[\w/-]+)"),
    Shape(("hook",), r"(?:/hooks?/(?:incoming/)?|\bmake\.com/)(?P<secret>[\w-]{20,}(?:/\w{16,})?)", judge=_is_random),
    Shape(("/with/key", "/integration"), r"(?:/with/key|/integration)/(?P<secret>[\w-]{20,})"),
    Shape(("",), _TOKENS, re.VERBOSE),
    # Amazon's secret keys have no mark of their own: forty characters, in a text that speaks of Amazon.
    Shape(
        ("akia", "asia", "aws"),
        r"""(?<![\w/+.-])(?P<secret>(?=\S{0,39}[A-Z])(?=\S{0,39}[a-z])(?=\S{0,39}\d)[A-Za-z0-9/+]{40})(?![\w/+=.-])""",
    ),
    # Credentials outside of a header, where they could also be words.
    Shape(
        ("bearer",),
        r"""\bbearer(?:[ \t]*[:=][ \t]*|[ \t]+|%20|\+)["']?
        (?P<secret>[\w.~+/=:|-](?:[^\s"'`,;&<>()\[\]{}\\]|&(?![\w.%-]*+=))*+)""",
        re.IGNORECASE | re.VERBOSE,
        _is_bearer,
    ),
    Shape(
        ("basic",),
        r"""\bbasic(?:[ \t]+|%20|\+)["']?(?P<secret>[A-Za-z0-9+/_-]{6,}={0,2})""",
        re.IGNORECASE,
        _is_basic,
    ),
    # A user and a password without a scheme in front: app:pw@host:5432, app:pw@tcp(host), scott/tiger@//host.
    Shape(
        ("@",),
        r"""(?:(?<![\w.%+/@-])|(?<=[^:]//))(?!(?:mailto|e?mail|to|from|b?cc|sips?|xmpp|acct|npm|image|docker|git|pkg)\s*:)
        [\w.%+-]++:(?P<secret>[^\s:@/"'\[]{3,128}[^\s@"'\[]{0,64})(?<!\[redacted\])@(?!sha\d)
        (?:(?:tcp|unix|udp)\(|[\w.-]++(?::\d{2,5}\b|/[\w-]|(?<=\d)(?![\w:])))""",
        re.VERBOSE | re.IGNORECASE,
        _is_password,
    ),
    Shape(
        ("jdbc:oracle",),
        r"jdbc:oracle:\w+:[\w$#.-]+/(?P<secret>[^\s\"'@]{1,128}+(?:@[^\s\"'@/]{1,40}+(?=@))?)@",
        re.IGNORECASE,
    ),
    Shape(
        ("sqlplus", "login ", "logon ", "ora-"),
        r"\b(?:sqlplus|login|connect|conn|logon|denied)[ ](?:-\w+[ ])*[\w$#.-]+/(?P<secret>[^\s@\"'/]+)@[\w/]",
        re.IGNORECASE,
    ),
)
