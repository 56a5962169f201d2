"""Makes labelled sentences from the templates in corpus/: names from `faker`, places from `phonenumbers`.

    python assets/tagger/sentences.py 20        shows twenty

Nothing is taken from a labelled set of others: the templates are our own, as are the sentences without anybody in them
(corpus/nothing.txt and what customers and agents say in assets/starter/corpus/text).
"""

import importlib
import pkgutil
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple
from zlib import crc32

from faker import Faker
from phonenumbers import geodata

HERE = Path(__file__).parent
STARTER = HERE.parent / "starter" / "corpus" / "text"
POOL = 700

# Locale -> how often it is drawn. Those that write with other letters are rare: MiniLM hardly reads them.
LOCALES = {
    "en_US": 16, "en_GB": 8, "en_AU": 3, "en_CA": 3, "en_IE": 3, "en_IN": 5, "en_NZ": 2, "en_NG": 1, "en_PH": 1,
    "de_DE": 5, "de_AT": 3, "de_CH": 3, "fr_FR": 5, "fr_CA": 2, "fr_BE": 2, "fr_CH": 1, "es_ES": 4, "es_MX": 3,
    "es_AR": 2, "es_CL": 2, "es_CO": 2, "it_IT": 5, "pt_BR": 4, "pt_PT": 3, "nl_NL": 4, "nl_BE": 4, "da_DK": 4,
    "sv_SE": 4, "no_NO": 4, "fi_FI": 4, "is_IS": 3, "pl_PL": 4, "cs_CZ": 4, "sk_SK": 2, "sl_SI": 4, "hr_HR": 4,
    "hu_HU": 4, "ro_RO": 2, "et_EE": 2, "lt_LT": 2, "lv_LV": 2, "tr_TR": 3, "az_AZ": 1, "sq_AL": 1, "id_ID": 2,
    "fil_PH": 1, "vi_VN": 2, "uz_UZ": 1, "zu_ZA": 1, "yo_NG": 1, "tw_GH": 1, "ga_IE": 1, "mt_MT": 1, "lb_LU": 1,
    "el_GR": 2, "ru_RU": 1, "uk_UA": 1, "bg_BG": 1, "he_IL": 1, "ar_AA": 1, "ja_JP": 1, "zh_CN": 1, "ko_KR": 1,
    "hi_IN": 1, "th_TH": 1,
}  # fmt: skip
GREETINGS = ("Hi", "Hello", "Dear", "Hey", "Good morning", "Good afternoon", "Hallo", "hi", "hello", "Hiya", "Morning")
CLOSINGS = (
    "Best regards", "Kind regards", "Regards", "Thanks", "Thank you", "Best", "Cheers", "Sincerely", "Many thanks",
    "Yours", "Warm regards", "Best wishes", "Yours sincerely", "BR", "Thx", "With kind regards", "Respectfully",
)  # fmt: skip
TITLES = ("Mr", "Mrs", "Ms", "Dr", "Mr.", "Mrs.", "Ms.", "Dr.", "Miss", "Prof.", "Professor", "Sir")
AFTER = ("Jr.", "PhD", "MD", "II", "III", "DDS", "DVM", "Sr.", "Esq.")
ROADS = ("St", "Street", "Rd", "Road", "Ave", "Avenue", "Lane", "Dr", "Boulevard", "Square", "Way", "Court")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "today", "monday", "friday")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def _words(text: str) -> list[str]:
    return text.split()


# Romanised Chinese, Japanese, Arabic and Caucasian names, which faker gives in their own letters alone.
FIRST = _words("""
Wei Fang Jing Lei Min Xiu Yan Hui Ling Jun Ming Hao Xia Ping Chun Yuki Haruto Sakura Kenji Aiko Takumi Hiroshi
Naoko Emi Ren Kaori Daichi Ji-woo Min-jun Seo-yeon Hyun Soo Jae Yong Ahmed Mohamed Fatima Omar Layla Yusuf
Aisha Khalid Hassan Zainab Ibrahim Mariam Ali Nour Salma Tariq Samir Amina Bilal Zahra Magomed Zelim Aslan
Ruslan Shamil Madina Zarema Khava Timur Rustam Alikhan Iman Bek Dzhamal Sergei Olga Natalia Dmitri Svetlana
Andrei Tatiana Ivan Yulia Mikhail Ekaterina Priya Arjun Anil Sunita Vikram Deepak Kavita Sanjay Rahul Lakshmi
Amara Chidi Ngozi Emeka Kwame Abena Kofi Thabo Naledi Chinedu Folake Tendai Nguyen Anh Linh Minh Thuy Somchai
Siti Putri Budi Agus Dewi Eleni Nikos Giorgos Maria Yannis Sofia Kostas Dimitra Levan Nino Tamar Ani Armen
Gayane Sigrun Thor Astrid Aputsiaq Ivalu Pipaluk Malik Inuk
""")
LAST = _words("""
Wang Li Zhang Liu Chen Yang Huang Zhao Wu Zhou Xu Sun Ma Zhu Hu Guo He Lin Luo Tanaka Suzuki Sato Watanabe Ito
Yamamoto Nakamura Kobayashi Kato Yoshida Kim Park Choi Jung Kang Cho Yoon Khan Hussein Al-Masri Haddad Nasser
Mansour Rahman Farouk Saleh Aziz Abdullah Kadyrov Magomadov Dudaev Isaev Akhmadov Bashirov Umarov Petrov
Ivanova Sokolov Kuznetsova Popov Volkova Smirnov Lebedeva Morozov Sharma Patel Singh Gupta Reddy Iyer Mehta
Kapoor Okafor Adeyemi Mensah Nkosi Dlamini Tran Pham Le Santoso Wijaya Papadopoulos Georgiou Nikolaidis
Ioannou Beridze Kapanadze Petrosyan Sargsyan Heilmann Kleist Olsen Lynge Petersen
""")


class Labelled(NamedTuple):
    """A text and what stands in it: start, end and label of each."""

    text: str
    spans: list[tuple[int, int, str]]


class Pools(NamedTuple):
    """Ready values of one locale, so that a sentence costs microseconds."""

    first: list[str]
    last: list[str]
    street: list[str]
    city: list[str]
    country: list[str]
    zip: list[str]
    company: list[str]
    job: list[str]


@cache
def pools(locale: str) -> Pools:
    """Values of one locale; a kind that faker has no words for there is taken from English."""
    fake, english = Faker(locale), Faker("en_US")
    fake.seed_instance(locale)
    english.seed_instance(locale)

    def draw(kind: str, count: int = POOL) -> list[str]:
        maker: Callable[[], str] = getattr(fake, kind, None) or getattr(english, kind)
        return sorted({maker().replace("\n", ", ") for _ in range(count)})

    return Pools(
        draw("first_name"), draw("last_name"), draw("street_name"), draw("city"), draw("country", 200),
        draw("postcode", 200), draw("company", 200), draw("job", 200),
    )  # fmt: skip


@cache
def places() -> list[str]:
    """Real towns and regions of the world, as the telephone library names them."""
    found: set[str] = set()
    for module in pkgutil.iter_modules(geodata.__path__):
        values = vars(importlib.import_module(f"{geodata.__name__}.{module.name}")).values()
        for table in (value for value in values if isinstance(value, dict)):
            found.update(names["en"] for names in table.values() if isinstance(names, dict) and "en" in names)
    towns = {re.split(r"[,(/]| - ", name)[0].strip() for name in found}
    return sorted(town for town in towns if 2 < len(town) < 26)


@cache
def military() -> list[str]:
    """American field post addresses."""
    fake = Faker("en_US")
    fake.seed_instance(1)
    return [
        fake.military_ship() + " " + fake.last_name() + "\n" + fake.military_apo().split("\n")[-1] for _ in range(40)
    ] + [f"{fake.military_apo()}" for _ in range(150)]


@cache
def templates(name: str, unseen: bool) -> list[str]:
    """The lines of one file of the corpus without those kept from training (one in twelve), or these alone."""
    if name == "everyday":
        return [line for line in everyday() if _kept_back(line) is unseen]
    lines = (HERE / "corpus" / f"{name}.txt").read_text().splitlines()
    return [
        line.replace("\\n", "\n").replace("\\t", "\t")
        for line in lines
        if line and not line.startswith("# ") and _kept_back(line) is unseen
    ]


def _kept_back(line: str) -> bool:
    return crc32(line.encode()) % 12 == 0


@cache
def everyday() -> list[str]:
    """What customers and agents say in the starter's corpus where no slot stands in it: nobody is named there."""
    found: list[str] = []
    for path in sorted(STARTER.glob("*.txt")):
        for line in path.read_text().splitlines():
            mark, _, said = line.partition(" ")
            if mark.rstrip("?") in ("ask", "say", "step", "note", "more", "goal") and "{" not in said:
                found += [part for part in said.split(" => ") if len(part) > 12]
    return found


class Maker:
    """Makes sentences from one seed; `unseen` ones from the templates that training never uses."""

    def __init__(self, seed: int, unseen: bool = False) -> None:
        self.rng = Random(seed)
        self._unseen = unseen
        self._locales, self._weights = list(LOCALES), list(LOCALES.values())

    def example(self) -> Labelled:
        """One text: a template or several in a row, sometimes in small letters or capitals."""
        names = ("people", "places", "blocks", "nothing", "everyday")
        parts = [
            self._sentence(self.rng.choices(names, (34, 26, 12, 14, 20))[0])
            for _ in range(self.rng.choices((1, 2, 3), (66, 24, 10))[0])
        ]
        text, spans = "", []
        for part in parts:
            text += self.rng.choice((" ", " ", "\n", "\n\n")) if text else ""
            spans += [(start + len(text), end + len(text), label) for start, end, label in part.spans]
            text += part.text
        return self._case(self._lines(Labelled(text, spans)))

    def _sentence(self, name: str) -> Labelled:
        template = self.rng.choice(templates(name, self._unseen))
        self._locale = self._draw_locale()
        text, spans = "", []
        for piece in re.split(r"(?<!\{)(\{[a-z_]+\})(?!\})", self._choose(template)):
            if piece.startswith("{") and not piece.startswith("{{"):
                value = self._fill(piece[1:-1])
                spans += [(start + len(text), end + len(text), label) for start, end, label in value.spans]
                piece = value.text
            text += piece
        return Labelled(text, spans)

    def _choose(self, template: str) -> str:
        # A bracket without a bar is written so: a placeholder of the product's own.
        return re.sub(r"\[([^\[\]]*\|[^\[\]]*)\]", lambda match: self.rng.choice(match[1].split("|")), template)

    def _draw_locale(self) -> Pools:
        return pools(self.rng.choices(self._locales, self._weights)[0])

    def _fill(self, slot: str) -> Labelled:
        labels = {
            "p": "PERSON", "first": "PERSON", "last": "PERSON", "place": "PLACE", "city": "PLACE", "country": "PLACE",
            "zip": "ADDRESS", "street": "ADDRESS", "unit": "ADDRESS", "addr": "ADDRESS", "addr_ml": "ADDRESS",
            "org": "COMPANY",
        }  # fmt: skip
        value = str(getattr(self, f"_{slot}")())
        if self.rng.random() < 0.08 and slot in labels:
            value = self.rng.choice((value.lower(), value.lower(), value.upper(), value.title()))
        return Labelled(value, [(0, len(value), labels[slot])] if slot in labels and value else [])

    def _first(self) -> str:
        return self.rng.choice(FIRST) if self.rng.random() < 0.12 else self.rng.choice(self._locale.first)

    def _last(self) -> str:
        # In half of the world a surname comes from elsewhere.
        locale = self._locale if self.rng.random() < 0.6 else self._draw_locale()
        return self.rng.choice(LAST) if self.rng.random() < 0.12 else self.rng.choice(locale.last)

    def _p(self) -> str:
        first, last = self._first(), self._last()
        initial = self.rng.choice("ABCDEFGHIJKLMNOPRSTVW")
        forms = (
            (f"{first} {last}", 62), (first, 12), (last, 5), (f"{first} {initial}. {last}", 4),
            (f"{initial}. {last}", 3), (f"{last}, {first}", 3), (f"{first} {self._first()} {last}", 3),
            (f"{first} {last}-{self._last()}", 2), (f"{first} {last} {self._last()}", 2),
            (f"{self.rng.choice(TITLES)} {first} {last}", 3), (f"{first} {last} {self.rng.choice(AFTER)}", 2),
            (f"{first} {initial}.", 2), (f"{last} {first}", 2),
        )  # fmt: skip
        return self.rng.choices([form for form, _ in forms], [weight for _, weight in forms])[0]

    def _place(self) -> str:
        return self._city() if self.rng.random() < 0.55 else self._country()

    def _city(self) -> str:
        city = self.rng.choice(places()) if self.rng.random() < 0.65 else self.rng.choice(self._locale.city)
        return city.upper() if self.rng.random() < 0.08 else city

    def _country(self) -> str:
        if self.rng.random() < 0.06:
            return self.rng.choice(("US", "UK", "USA", "UAE", "EU", "Europe", "England", "Scotland", "Wales", "Russia"))
        locale = pools("en_US") if self.rng.random() < 0.85 else self._locale
        return self.rng.choice(locale.country)

    def _zip(self) -> str:
        return self.rng.choice(self._locale.zip)

    def _n(self) -> str:
        return str(self.rng.choice((self.rng.randint(1, 99), self.rng.randint(1, 9999))))

    def _street(self) -> str:
        street = self.rng.choice(self._locale.street)
        letter = self.rng.choice(("", "", "", "a", "B", "-12", "/3"))
        forms = (
            f"{self._n()} {street}", f"{street} {self._n()}{letter}", f"{street} {self._n()}", street,
            f"{self._n()}, {street}", f"{self._n()} {street} {self._n()}", f"{self.rng.choice(places())} {self._n()}",
            f"{self._n()} {self._last()} {self.rng.choice(ROADS)}",
            f"P.O. Box {self._n()}",
        )  # fmt: skip
        return self.rng.choices(forms, (20, 25, 8, 8, 4, 12, 6, 10, 3))[0]

    def _unit(self) -> str:
        kind = self.rng.choice(("Apt.", "Apt", "Suite", "Unit", "Flat", "Apartment", "Floor", "Room", "#", "Building"))
        return f"{kind} {self.rng.randint(1, 999):0{self.rng.choice((1, 3))}d}"

    def _addr(self) -> str:
        return self._address(self.rng.choices((", ", " ", "\n", "\n "), (55, 22, 13, 10))[0])

    def _addr_ml(self) -> str:
        return self._address(self.rng.choice(("\n", "\n", "\n ", "\n   ", ",\n")))

    def _address(self, joint: str) -> str:
        if self.rng.random() < 0.07:
            return self.rng.choice(military())
        town = self.rng.choices(
            (
                self._city(),
                f"{self._zip()} {self._city()}",
                f"{self._city()} {self._zip()}",
                f"{self._city()}, {self._region()}",
            ),
            (40, 30, 12, 18),
        )[0]
        parts = [self._street(), self._unit() if self.rng.random() < 0.45 else "", town]
        if self.rng.random() < 0.55:
            parts.append(self._country() + (f" {self._zip()}" if self.rng.random() < 0.4 else ""))
        elif self.rng.random() < 0.4:
            parts.append(self._zip())
        if self.rng.random() < 0.1:
            parts = parts[:2]
        return joint.join(part for part in parts if part)

    def _region(self) -> str:
        return self.rng.choice(
            ("CA", "NY", "TX", "FL", "WA", "IL", "NSW", "ON", "QC", "BC", "Kent", "Surrey", "SP", "RJ", "NH")
        )

    def _org(self) -> str:
        name = self.rng.choice(self._locale.company)
        made = f"{self.rng.choice(_STEMS)}{self.rng.choice(_ENDS)}"
        return name if self.rng.random() < 0.55 else made

    def _job(self) -> str:
        return self.rng.choice(pools("en_US").job if self.rng.random() < 0.8 else self._locale.job)

    def _title(self) -> str:
        return self.rng.choice(TITLES)

    def _greet(self) -> str:
        return self.rng.choice(GREETINGS)

    def _bye(self) -> str:
        return self.rng.choice(CLOSINGS)

    def _day(self) -> str:
        return self.rng.choice(DAYS)

    def _month(self) -> str:
        return self.rng.choice(MONTHS)

    def _year(self) -> str:
        return str(self.rng.randint(1950, 2030))

    def _date(self) -> str:
        day, month, year = self.rng.randint(1, 28), self.rng.randint(1, 12), self._year()
        return self.rng.choice((
            f"{day}.{month}.{year}", f"{month}/{day}/{year}", f"{year}-{month:02}-{day:02}",
            f"{day} {MONTHS[month - 1]} {year}",
            f"{MONTHS[month - 1]} {day}, {year}", f"{MONTHS[month - 1][:3]} {day}",
        ))  # fmt: skip

    def _time(self) -> str:
        return f"{self.rng.randint(0, 23)}:{self.rng.randint(0, 59):02}"

    def _digits(self, pattern: str) -> str:
        return re.sub("#", lambda _: str(self.rng.randint(0, 9)), pattern)

    def _phone(self) -> str:
        return self._digits(self.rng.choice((
            "(###) ###-####", "+## ## #### ####", "0### ######", "###-###-####x###", "### ## ##", "+1-###-###-####",
            "0########",
        )))  # fmt: skip

    def _email(self) -> str:
        host = f"{self.rng.choice(_STEMS)}.{self.rng.choice(('com', 'example', 'net'))}"
        return f"{self._first()}.{self._last()}@{host}".lower()

    def _order(self) -> str:
        return self._digits(self.rng.choice(("#####", "########", "A-#####", "INV-####", "#######", "B########")))

    def _card(self) -> str:
        return self._digits(self.rng.choice(("4###############", "5### #### #### ####")))

    def _iban(self) -> str:
        return self._digits(self.rng.choice(("DE####################", "GB##ABCD##############")))

    def _ssn(self) -> str:
        return self._digits("###-##-####")

    def _ip(self) -> str:
        return self._digits("1##.##.##.#")

    def _money(self) -> str:
        return self._digits(self.rng.choice(("$##.##", "€ ###", "## EUR", "£#.##", "USD ####")))

    def _site(self) -> str:
        host = f"{self.rng.choice(('www.', ''))}{self.rng.choice(_STEMS)}{self.rng.choice(_STEMS)}"
        return f"https://{host}.{self.rng.choice(('com', 'de', 'org'))}/"

    def _lines(self, example: Labelled) -> Labelled:
        """Quoted or listed lines: a mark before every line."""
        if self.rng.random() > 0.05:
            return example
        mark = self.rng.choice(("> ", ">", "* ", "- ", "| ", ">> ", "# "))

        def moved(place: int) -> int:
            return place + len(mark) * (1 + example.text.count("\n", 0, place))

        spans = [(moved(start), moved(end), label) for start, end, label in example.spans]
        return Labelled(mark + example.text.replace("\n", f"\n{mark}"), spans)

    def _case(self, example: Labelled) -> Labelled:
        draw = self.rng.random()
        if draw > 0.16:
            return example
        changed = example.text.lower() if draw < 0.13 else example.text.upper()
        # Some letters change their number with their case ("ß"); the places would no longer fit.
        return Labelled(changed, example.spans) if len(changed) == len(example.text) else example


_STEMS = _words("""
Nova Blue Data Cloud Pixel Green Solar Bright Open Civic Home Smart Fleet Health Trade Social Poly Auto Farm
Geo Swift True North River Stone Apex Orbit Metro Urban Prime Quick Vital Well Energy Legal Market Ship Code
Map Food Air Loom Snap Zip Echo Iron Silver Harbor Canvas Lumen Vertex Relay Beacon Spark Grid Mint
""")
_ENDS = _words("""
ly ify works base hub Labs Systems Group Partners Inc Ltd GmbH Media Solutions Analytics Bank Insurance Foods
Airlines Software University Hospital .com io Energy Networks Capital Studio Store Logistics
""")
_ENDS = [end if end[0] in "abcdefghijklmnopqrstuvwxyz." else f" {end}" for end in _ENDS]

if __name__ == "__main__":
    maker = Maker(0)
    for _ in range(int(sys.argv[1])):
        text, spans = maker.example()
        print(repr(text), [(text[start:end], label) for start, end, label in spans])
