"""
What makes another number of the digits beside it: 1.2 K, 3 million, 350 Tsd., 12 lakh.

The words are those of the compact forms of Unicode's CLDR, and what people write besides. What
they stand for differs (a billion, `mil`), so that this tells only that they are there.
"""

import re
from collections.abc import Callable
from functools import lru_cache

Language = Callable[[], str | None]
"""Returns the language that a text is in, two letters, if anybody knows."""

# Whole words, without the point behind them.
_WORD_LIST = """
    bill bilj billj bin biljon bln bn cr crore crores dsd grand hilj hundert hundred hundreds jt
    juta kkr lac lacs lakh lakhs libo md mdd mdp mia mie mii mijë ming mil mila míle milj mill mille
    mio mió mjd mkr mld mlj mljrd mln mlr mlrd mn
    mrd ngan nghin rb rebu ribu tis tkr tn tr tril trilj trln trn tsd tsg tuh tús tyr tys tyś yuta
    бил бин мең миң мил милј минг млд млн млрд мың пин сая тис трлн тыс тыщ хил хиљ ҳзр
    δισ εκ εκατ τρισ χιλ հզր մլն մլրդ ათ მლნ მლრ მლრდ ტრლ ألف الف آلاف الاف ارب ملن
"""
# How words begin that have endings, or the next word right behind them.
_STEM_LIST = """
    bilh bilij biljon biljoon billio billió billiard billió billjó billón bilyo bilió bilion ezer
    hezar hiljad melyar melyun miliar miliard milia milio milió milij miljo miljar miljaar miljon
    miljard milhão milhõ millia millio millió milló millard milljó milljar milyar milyon nghìn ngàn
    tausend tausen thousand tisíc tisic tisoč tisoc tisuć tisuc triệu trieu trilh trilio trilió
    trilij triljo trillio trillió trillón trilyo tỷ tỉ tuhan tuhat tukst tūkst tusen tusind tuusig
    túsund tysi tûzen þúsund duisend biljoen miler millier miliw biliw triliw millon billon bilioi
    milliú billiú trilliú mhilliú bhilliú mbilliú dtrilliú thrilliú mhíle milliárd miliárd
    triliun duizend
    билион билијар илјад милион милијар милиард миллион миллиард мільйон мільярд мільён мянга
    наяд трыльён տրիլիոն тисяч тысяч тыһ триллион трильйон трилион тэрбум хиляд хиљад ҳазор
    δισεκατ εκατομμ τρισεκατ χιλιάδ χιλιαδ հազար միլիոն միլիարդ ათას მილიონ მილიარდ ტრილიონ
    אלף אלפי מיליון מיליארד מליון מליארד טריליון
    مليون مليار ملايين ترليون تريليون بليون بيليون میلیون میلیارد تریلیون هزار ہزار ھزار
    لاکھ کروڑ کھرب ملین بلین ٹریلین مىڭ مىليون مىليارد
    हज़ार हज़ार हजार लाख लख करोड़ करोड़ करोड कोटी अरब खरब अब्ज मिलियन बिलियन दशलक्ष लक्ष खर्व
    पद्म டிரில்லியன் ట్రిలియ
    হাজার হাজাৰ লাখ লক্ষ কোটি মিলিয়ন মিলিয়ন ਹਜ਼ਾਰ ਲੱਖ ਕਰੋੜ ਅਰਬ હજાર લાખ કરોડ અબજ ହଜାର ଲକ୍ଷ କୋଟି
    ஆயிரம் லட்ச கோடி மில்லியன் பில்லியன் వేల వేయి లక్ష కోట్ల కోటి మిలియ బిలియ ಸಾವಿರ ಲಕ್ಷ ಕೋಟಿ ಮಿಲಿಯ
    ബില്യ ആയിരം ലക്ഷ കോടി മില്യ ബില്യ දහස මිලියන බිලියන
    พัน หมื่น แสน ล้าน ພັນ ໝື່ນ ແສນ ລ້ານ ຕື້ ពាន់ លាន ប៊ីលាន ထောင် သောင်း သိန်း သန်း ကုဋေ
    천 만 억 조 백만 万 萬 亿 億 兆 千 百 ሚሊዮን ቢሊዮን ሺህ ሺ
"""
_WORDS = frozenset(_WORD_LIST.split())
# Of things; $9 a dozen is $9.
_DOZENS = frozenset(["docena", "docenas", "douzaine", "douzaines", "dozen", "dozens", "dutzend",
                     "dúzia", "dúzias"])  # fmt: skip
# Short words, and the languages in which they are something else: Nashville, TN; 1400 tr/min.
_ELSEWHERE = {
    "bin": frozenset(["de", "en", "nl"]),
    "md": frozenset(["da", "en"]),
    "mil": frozenset(["da", "nb", "nn", "no", "sv"]),
    "mn": frozenset(["es", "fr"]),
    "tn": frozenset(["de", "en", "es", "fr"]),
    "tr": frozenset(["de", "en", "es", "fr"]),
}
_MONEY_ELSEWHERE = {"mn": frozenset(["es"])}  # moneda nacional
_NAMES = frozenset(["bill", "grand", "mia", "mill", "mille", "ming"])  # Bill Bryson, Mia Wallace
_STEMS = tuple(_STEM_LIST.split())
_LONGEST = 16
# 350 k€, 350 TEUR, 5 Mkr.
_WITH_CURRENCY = re.compile(
    r"(?:k|t|m|mn|md|b|bn|cr)\.?\s?"
    r"(?:[€$£¥₹]|(?:eur|usd|gbp|chf|pln|czk|sek|nok|dkk|inr|kr)(?![^\W\d]))"
)
_LETTER = re.compile(r"\s?\+?(?:[kKMB]|(?<=\d)[bm])(?![\w'\u2019])")
# Not of M.N., the money of Mexico, nor of k.k.
_LETTER_OF_MONEY = re.compile(
    r"\s?\+?[kmbt](?![\w'\u2019/-]|\.\s?[^\W\d_](?![^\W\d_]))", re.IGNORECASE
)
_SIZE = re.compile(r" (?:[A-Z]\s?[,/|]\s?[SMLX\d]|T [A-Z])")  # M, L, XL; T Shirt
_KELVIN = re.compile(r"\d[.,' ]?\d{3} K(?!\w)")  # nobody counts 2700 thousands
_POWER = re.compile(
    r"[·⋅˙_^]\d|[eE][+-]?\d|\s?[x\u00d7*·⋅]\s?10\s?(?:\^|\*\*|[\u2070-\u2079\u00b9\u00b2\u00b3\u207b])"
)
_GAP = re.compile(r"[\s+\u2010-]{0,3}(?:(?:de|na|их)\s)?")
_WORD = re.compile(r"[^\W\d_]+")
_BEFORE = re.compile(r"(?<![^\W\d_])([^\W\d_]{1,12})[\s.:]{0,2}[€$£¥₹]?\s?\Z")
_LETTERS = 4  # of words that stand for other things as well
_MONEY_BEFORE = re.compile(r"(?:[€$£¥₹]|(?<![^\W\d_])(?:[A-Z]{2,3}|Rs\.?))\s?\Z")
_HAN = frozenset("천만억조백万萬亿億兆千百")
# What ends behind them, and is no Chiba and no fountain pen.
_HAN_NUMBER = re.compile(
    r"[천만억조백万萬亿億兆千百]{1,3}[여多余起]?(?:円|元|圆|圓|원)?(?![^\W\d_])"
)
_HYPHENATED = re.compile(r"-(?!(?:euro|dollar|eur|usd)(?![a-z]))[^\W\d_]")  # mille-feuille
_ENDS = re.compile(r"\.?\s*(?:\Z|[^\w\s-])")
_CAPITAL = re.compile(r" [A-Z][a-z]")
_BEFORE_SHORT = re.compile(r"[€$£¥₹]\s?[kmb]n?\s?\Z", re.IGNORECASE)


def is_magnitude(word: str) -> bool:
    """Tell whether a word is a magnitude, or begins with one."""
    return _is_one(word[:_LONGEST])


@lru_cache(maxsize=1_000)  # the numbers of a website have the same few words beside them
def _is_one(word: str) -> bool:
    word = word.casefold()
    return word in _WORDS or word in _DOZENS or word.startswith(_STEMS)


def goes_on(text: str, end: int, language: Language, *, of_money: bool) -> bool:
    """
    Tell whether the digits that end at `end` are a part of a number alone.

    Args:
        text: What has them, tidy.
        end: Where they end.
        language: Of the text.
        of_money: Whether a currency stands beside them, so that an `m` is no metre.
    """
    if _POWER.match(text, end):
        return True
    if of_money:
        if _LETTER_OF_MONEY.match(text, end) and not _SIZE.match(text, end):
            return True
    elif _LETTER.match(text, end) and not _KELVIN.search(text, max(0, end - 5), end + 3):
        return True
    return stands_at(text, end, language, of_money=of_money)


def stands_at(
    text: str, place: int, language: Language, *, of_money: bool, behind_sign: bool = False
) -> bool:
    """
    Tell whether a magnitude begins at a place, white space aside.

    Args:
        text: Tidy.
        place: Behind a number, or behind the sign of its currency.
        language: Of the text.
        of_money: Whether a currency stands beside the number.
        behind_sign: Whether the place is behind that. Then it is rather the next word.
    """
    gap = _GAP.match(text, place)
    begin = place if gap is None else gap.end()
    near = text[begin : begin + _LONGEST]
    following = near.casefold()
    found = _WORD.match(following)
    if found is None:
        return False
    if following[0] in _HAN and (behind_sign or (of_money and begin > place)):
        return _HAN_NUMBER.match(following) is not None
    word, is_capital = found[0], near[0].isupper()
    if is_capital and behind_sign and not _ENDS.match(near, found.end()):
        return False
    if word in _DOZENS:
        return not of_money
    if word in _WORDS:
        return not (
            (is_capital and word in _NAMES and _CAPITAL.match(near, found.end()))
            or _HYPHENATED.match(following, found.end())
            or _is_another(word, language, of_money=of_money)
        )
    return following.startswith(_STEMS) or _WITH_CURRENCY.match(following) is not None


def _is_another(word: str, language: Language, *, of_money: bool) -> bool:
    """Tell whether a word means something else in a language."""
    languages = (_MONEY_ELSEWHERE if of_money else _ELSEWHERE).get(word)
    return languages is not None and language() in languages


def stands_before(text: str, start: int) -> bool:
    """Tell whether a magnitude ends right before a number, as in US$ million 5.2 and €m 5.2."""
    before = text[max(0, start - 2 * _LONGEST) : start]
    word = _BEFORE.search(before[-_LONGEST:])
    if word is not None and is_magnitude(word[1]):
        place = len(before) - len(word.string) + word.start()
        return len(word[1]) > _LETTERS or _MONEY_BEFORE.search(before[:place]) is not None
    return _BEFORE_SHORT.search(before) is not None
