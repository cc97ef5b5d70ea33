"""The demo's issuers, and its diplomas: a seeded roster of graduates as Open Badges 3.0.

The people are invented, and their names are what a registrar meets and software stumbles over:
characters outside Unicode's first plane, right-to-left script, circumflexed Welsh vowels both
composed and combining, apostrophes, and a name longer than any form's field.

Pure: the same number and seed give the same bytes.
"""

from __future__ import annotations

import json
import unicodedata
import uuid
from dataclasses import dataclass
from random import Random

SEED = 1088
"""Bologna's year."""

UNIVERSITY = "did:web:registry.cambrian.example"
HOSPITAL = "did:web:records.tawe.example"
HOME = "https://registry.cambrian.example"

GIVEN = {
    "english": ("Ada", "Beatrice", "Edmund", "Grace", "Harriet", "Isaac", "Oliver", "Winifred"),
    "chinese": ("伟", "芳", "秀英", "建国", "思远", "雨桐", "子涵", "梓萱", "欣怡", "浩然"),
    "rare": ("𬭎", "𬱖", "𫖯", "𬀩", "文𬭎", "𪣻之", "𬍛", "子𬬭"),
    "welsh": ("Siân", "Siôn", "Gwên", "Llŷr", "Tŵm", "Rhŷs", "Angharad", "Myfanwy"),
    "arabic": ("محمد", "فاطمة", "عبد الرحمن", "زينب", "يوسف", "مريم", "عمر", "ليلى"),
    "apostrophe": ("D'Arcy", "Niamh", "Seán", "N'Golo", "Ma'ayan", "Chloë", "Zoë", "Renée"),
}
FAMILY = {
    "english": ("Babbage", "Clarke", "Fairweather", "Hopper", "Newton-Jones", "Turing", "Webb"),
    "chinese": ("王", "李", "张", "刘", "陈", "欧阳", "司马", "诸葛", "诸", "贾"),
    "rare": ("𠮷", "王", "𡈽", "李", "㐂", "𥖄"),
    "welsh": ("ap Gŵyn", "Llŵyd", "Tŷ-Gwyn", "Pŵell", "ferch Ŷnyr", "Môn-Jônes"),
    "arabic": ("الزهراء", "بن خلدون", "الخوارزمي", "ابن سينا", "الرشيد", "الفهري"),
    "apostrophe": ("O'Brien", "O’Neill", "D'Souza", "L'Écuyer", "van 't Hoff", "N'Diaye"),
}
SCRIPTS = ("english", "chinese", "welsh", "arabic", "rare", "apostrophe", "long")

DEGREES = (
    ("Bachelor of Arts in History", "历史学文学士", "BachelorDegree", 360),
    ("Bachelor of Science in Mathematics", "数学理学士", "BachelorDegree", 360),
    ("Bachelor of Laws", "法学学士", "BachelorDegree", 360),
    ("Master of Engineering", "工程硕士", "MasterDegree", 480),
    ("Master of Public Health", "公共卫生硕士", "MasterDegree", 97.5),
    ("Doctor of Philosophy", "哲学博士", "DoctoralDegree", 540),
)
RESULTS = {
    "BachelorDegree": ("First class", "Second class, upper division", "Third class"),
    "MasterDegree": ("Distinction", "Merit", "Pass"),
    "DoctoralDegree": ("Pass",),
}
COMBINING = 0.25
CEREMONIES = ("2025-07-09T10:00:00Z", "2025-07-10T10:00:00Z", "2025-07-11T14:30:00Z")


@dataclass(frozen=True, slots=True)
class Party:
    """An issuer, named in English and Chinese, and what it notarises."""

    id: str
    tenant: str
    names: tuple[str, str]
    alg: str
    profile: str
    noun: str


PARTIES = (
    Party(
        UNIVERSITY,
        "cambrian",
        ("Cambrian University", "寒武大学"),
        "EdDSA",
        "education/diploma",
        "diplomas",
    ),
    Party(
        HOSPITAL,
        "tawe",
        ("Tawe Hospital", "塔威医院"),
        "ES256",
        "healthcare/record",
        "FHIR bundles",
    ),
)


@dataclass(frozen=True, slots=True)
class Diploma:
    """One file to notarise: ``name`` is plain ASCII, ``data`` its JSON in UTF-8."""

    name: str
    script: str
    data: bytes


def make_diplomas(count: int, seed: int = SEED) -> list[Diploma]:
    """The first ``count`` diplomas of the roster; a longer roster begins with a shorter one."""
    return [_make_diploma(number, seed) for number in range(1, count + 1)]


def _make_diploma(number: int, seed: int) -> Diploma:
    random = Random(f"{seed}/{number}")
    script = SCRIPTS[(number - 1) % len(SCRIPTS)]
    credential = _credential(random, make_name(random, script))
    text = json.dumps(credential, ensure_ascii=False, indent=2) + "\n"
    return Diploma(f"diploma-{number:04}.json", script, text.encode())


def make_name(random: Random, script: str) -> str:
    """A name in one of ``SCRIPTS``."""
    if script == "long":
        chain = random.sample(GIVEN["english"] + GIVEN["apostrophe"], 15)
        return " ".join([*chain, "-".join(random.sample(FAMILY["english"], 6))])
    given, family = random.choice(GIVEN[script]), random.choice(FAMILY[script])
    if script in ("chinese", "rare"):
        return family + given
    name = f"{given} {family}"
    # Keyboards differ: some registrars type ŵ as one character, some as w and a circumflex.
    combining = script == "welsh" and random.random() < COMBINING
    return unicodedata.normalize("NFD", name) if combining else name


def _credential(random: Random, name: str) -> dict[str, object]:
    """An AchievementCredential (Open Badges 3.0, VC data model 2.0), not yet secured: the
    notary's receipt is what binds it."""
    degree, chinese, kind, credits_earned = random.choice(DEGREES)
    return {
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
        ],
        "id": _urn(random),
        "type": ["VerifiableCredential", "AchievementCredential"],
        "issuer": {
            "id": UNIVERSITY,
            "type": ["Profile"],
            "name": "Cambrian University · 寒武大学",
            "url": HOME,
        },
        "validFrom": random.choice(CEREMONIES),
        "name": f"{degree} · {chinese}",
        "credentialSubject": {
            "id": _urn(random),
            "type": ["AchievementSubject"],
            "name": name,
            "creditsEarned": credits_earned,
            "achievement": {
                "id": f"{HOME}/awards/{degree.lower().replace(' ', '-')}",
                "type": ["Achievement"],
                "achievementType": kind,
                "name": degree,
                "description": f"The degree of {degree}, awarded by the Senate.",
                "criteria": {"narrative": "The regulations of the year of admission are met."},
            },
            "result": [{"type": ["Result"], "value": random.choice(RESULTS[kind])}],
        },
    }


def _urn(random: Random) -> str:
    return uuid.UUID(int=random.getrandbits(128), version=4).urn
