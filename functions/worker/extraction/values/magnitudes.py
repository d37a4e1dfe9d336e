"""
What makes another number of the digits beside it: 1.2 K, 3 million, 350 Tsd., 12 lakh.

The words are those of the compact forms of Unicode's CLDR, and what people write besides. What
they stand for differs (a billion, `mil`), so that this tells only that they are there.
"""

import re
from functools import lru_cache

# Whole words, without the point behind them.
_WORD_LIST = """
    bill bilj billj bin biljon bln bn cr crore crores docena docenas douzaine douzaines dozen dozens
    dsd dutzend dúzia dúzias grand hilj hundert hundred hundreds jt juta kkr lac lacs lakh lakhs
    libo md mia mie mii mijë ming mil mila míle milj mill mille mio mió mjd mkr mld mlj mljrd mln
    mlr mlrd mn
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
_STEMS = tuple(_STEM_LIST.split())
_LONGEST = 16
# 350 k€, 350 TEUR, 5 Mkr.
_WITH_CURRENCY = re.compile(
    r"(?:k|t|m|mn|md|b|bn|cr)\.?\s?"
    r"(?:[€$£¥₹]|(?:eur|usd|gbp|chf|pln|czk|sek|nok|dkk|inr|kr)(?![^\W\d]))"
)
_LETTER = re.compile(r"\s?\+?(?:[kKMB]|(?<=\d)[bm])(?![\w'\u2019])")
_LETTER_OF_MONEY = re.compile(r"\s?\+?[kmbt](?![\w'\u2019/-])", re.IGNORECASE)
_KELVIN = re.compile(r"\d{4} K(?!\w)")  # nobody counts 2700 thousands
_POWER = re.compile(
    r"[·⋅˙_^]\d|[eE][+-]?\d|\s?[x\u00d7*·⋅]\s?10\s?(?:\^|\*\*|[\u2070-\u2079\u00b9\u00b2\u00b3\u207b])"
)
_GAP = re.compile(r"[\s+\u2010-]{0,3}(?:(?:de|na|их)\s)?")
_WORD = re.compile(r"[^\W\d_]+")
_BEFORE = re.compile(r"(?<![^\W\d_])([^\W\d_]{1,12})[\s.:]{0,2}[€$£¥₹]?\s?\Z")
_BEFORE_SHORT = re.compile(r"[€$£¥₹]\s?[kmb]n?\s?\Z", re.IGNORECASE)


def is_magnitude(word: str) -> bool:
    """Tell whether a word is a magnitude, or begins with one."""
    return _is_one(word[:_LONGEST])


@lru_cache(maxsize=1_000)  # the numbers of a website have the same few words beside them
def _is_one(word: str) -> bool:
    word = word.casefold()
    return word in _WORDS or word.startswith(_STEMS)


def goes_on(text: str, end: int, *, of_money: bool) -> bool:
    """
    Tell whether the digits that end at `end` are a part of a number alone.

    Args:
        text: What has them, tidy.
        end: Where they end.
        of_money: Whether a currency stands beside them, so that an `m` is no metre.
    """
    if _POWER.match(text, end):
        return True
    letter = _LETTER_OF_MONEY if of_money else _LETTER
    if letter.match(text, end) and (of_money or not _KELVIN.match(text, max(0, end - 4))):
        return True
    return stands_at(text, end)


def stands_at(text: str, place: int) -> bool:
    """Tell whether a magnitude begins at a place, white space aside."""
    gap = _GAP.match(text, place)
    begin = place if gap is None else gap.end()
    following = text[begin : begin + _LONGEST].casefold()
    word = _WORD.match(following)
    if word is None:
        return False
    return (
        word[0] in _WORDS
        or following.startswith(_STEMS)
        or _WITH_CURRENCY.match(following) is not None
    )


def stands_before(text: str, start: int) -> bool:
    """Tell whether a magnitude ends right before a number, as in US$ million 5.2 and €m 5.2."""
    before = text[max(0, start - _LONGEST) : start]
    word = _BEFORE.search(before)
    return (word is not None and is_magnitude(word[1])) or _BEFORE_SHORT.search(before) is not None
