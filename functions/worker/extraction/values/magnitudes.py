"""
What makes another number of the digits beside it: 1.2 K, 3 million, 350 Tsd., 12 lakh.

The words are those of the compact forms of Unicode's CLDR, and what people write besides. What
they stand for differs (a billion, `mil`), so that this tells only that they are there.
"""

import re
from functools import lru_cache

from functions.worker.extraction.values.currencies import currencies

# Whole words, without the point behind them.
_WORD_LIST = """
    bill bilj billj bin biljon bln bn cr crore crores dsd eft grand hilj hundert hundred
    hundreds jt juta jutaan kkr lac lacs lakh lakhs libo md mdd mdp mft mia mie mii mijë ming
    mil mila míle milj mill mille mio mió mjd mkr mld mlj mljrd mln mlr mlrd mn mrd ngan nghin
    rb rebu ribu ribuan thou tis tkr tn tr tril trilj trln trn tsd tsg tuh tús tyr tys tyś yuta
    бил бин мең миң мил милј минг млд млн млрд мың пин сая тис трлн тыс тыщ хил хиљ ҳзр δισ εκ
    εκατ τρισ χιλ հզր մլն մլրդ ათ მლნ მლრ მლრდ ტრლ ألف الف آلاف الاف ارب ملن
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
    천 만 억 조 백 십 万 萬 亿 億 兆 千 百 十 仟 佰 拾 ሚሊዮን ቢሊዮን ሺህ ሺ
"""
_WORDS = frozenset(_WORD_LIST.split())
# Of things; $9 a dozen is $9.
_DOZENS = frozenset(["docena", "docenas", "douzaine", "douzaines", "dozen", "dozens", "dutzend",
                     "dúzia", "dúzias"])  # fmt: skip
_STEMS = tuple(_STEM_LIST.split())
_LONGEST = 16
# 350 k€, 350 TEUR, 5 Mkr, 5 e Ft.
_WITH_CURRENCY = re.compile(
    r"(?:[kt\u0442\u043a]|mm|e(?=\.?\s?ft)|m|mn|md|b|bn|cr)\.?\s?"
    r"(?:[€$£¥₹₽]|(?:eur|usd|gbp|chf|pln|czk|sek|nok|dkk|inr|kr|ft|\u0440|\u0440\u0443\u0431)(?![^\W\d_]))"
)
_UNPARTED = r"\u3040-\u9fff\uac00-\ud7a3"  # scripts without blanks: 5K次
_LETTER = re.compile(
    rf"\s?\+?(?:[kKMB]|(?<=\d)(?:[bmT\u043a\u041a]|[wW](?=\+?[{_UNPARTED}])))(?![^\W{_UNPARTED}])"
    r"|\s?(?:[mb]i|tri|MM)\sde\s"
)
# $5 MM, R$ 5 mi, ¥5w, ₹5L.
_LETTER_OF_MONEY = re.compile(
    rf"\s?[+-]?(?:[kbt]|mm?|[mb]i|tri|lpa|(?<=\d)[\u043alw])(?![^\W{_UNPARTED}])", re.IGNORECASE
)
_LAKHS = re.compile(r"(?:₹|Rs\.?|INR)\s?[\d.,]+ L(?!\w)")
# What has such a letter and is none: sizes that nothing follows, the money of Mexico, taxes.
_SIZE = r"(?:[SML]|X{1,3}[SL])"
_OTHER_LETTER = re.compile(
    rf" {_SIZE}(?:\s?[,/|]\s?{_SIZE})+\Z"
    r"|\s?(?:M\.N\.|m\.n\.|k\.k\.|T\.T\.C\.|T-[Ss]hirts?)(?!\w)"
)
# Nobody counts 2700 thousands. What follows could be counted.
_KELVIN = re.compile(r"(?<![\w.,'])(?<!\d[ .,'])\d{4} K(?=\s?(?:\Z|[,;/|)\u2010-\u2015-]))")
_POWER = re.compile(
    r"\s?[('\u2019]{1,2}000s?(?!\d)|(?<=\d)[·⋅˙_^]\d|[eE][+-]?\d|\s?[x\u00d7*·⋅]\s?10\s?(?:\^|\*\*|[\u2070-\u2079\u00b9\u00b2\u00b3\u207b])"
)
_GAP = re.compile(r"[\s+(\[\"'*~\u2010-\u2014-]{0,3}(?:(?:de|in|na|их)\s|[多余餘여]\s?)?")
_WORD = re.compile(r"[^\W\d_]+")
_PER_MINUTE = re.compile(r"tr/min(?!\w)")
# Words that begin as a number of China does: Chiba, a part of Tokyo, fountain pens, lilies, comics.
_HAN_WORDS = ("千葉", "千代田", "万年筆", "百合", "만화")
_HAN = frozenset("천만억조백십万萬亿億兆千百十仟佰拾")
_HAN_MONEY = frozenset("円元圆圓원")
# In the head of a table: 百万円, 亿美元.
_HAN_UNIT = re.compile(
    rf"[{''.join(sorted(_HAN))}]+(?:\w{{0,2}}[円元圆圓원币幣]|元人民币|ドル|ユーロ|달러|유로)?"
)
# Of (000s) 480 and $'000 480.
_THOUSANDS = re.compile(r"000s?(?![\d.,])")
_AROUND = " .:=()[]|,/-\u2010\u2011\u2012\u2013\u2014"
_UP_TO_DIGIT = re.compile(r".*\d")
_WORD_BEFORE = re.compile(r"[A-Z]{1,2}\$|([^\W\d_]+)")
_OF = frozenset(["d", "de", "di", "of", "von"])
_SIGNS = r"[€$£¥₹]|(?:EUR|USD|GBP|CHF|PLN|CZK|SEK|NOK|DKK|INR|kr|Ft)"
# €m 5.2, EUR m 5.2, M€ 5.2, TEUR 5.2.
_SHORT_BEFORE = re.compile(
    rf"(?:(?:{_SIGNS})['\u2019]?\s?(?:[kmb]|[KMB])[nM]?|(?<![^\W_])(?:[kKmM]n?\s?(?=F)|[kKmM]n?|[tT](?!\$))(?:{_SIGNS}))\Z"
)
# Nashville, TN $1,200; Rockville, MD 20850.
_STATE = re.compile(r", (?:MD|MN|TN) (?:\$\d{1,3},\d{3}|\d{5}(?![\d.,]))")


def is_magnitude(word: str) -> bool:
    """Tell whether a word is a magnitude, or begins with one."""
    return _is_one(word[:_LONGEST])


@lru_cache(maxsize=1_000)  # the numbers of a website have the same few words beside them
def _is_one(word: str) -> bool:
    word = word.casefold()
    return word in _WORDS or word in _DOZENS or word.startswith(_STEMS)


def goes_on(text: str, place: int, *, of_money: bool, has_sign: bool) -> bool:
    """
    Tell whether what stands at a place makes another number of the digits before it.

    Args:
        text: What has them, tidy.
        place: Behind the digits, or behind the currency behind them.
        of_money: Whether they are money, so that an `m` is no metre.
        has_sign: Whether a currency stands beside them, so that a dozen is what is sold.
    """
    if _POWER.match(text, place) or stands_at(text, place, has_sign=has_sign):
        return True
    if of_money:
        if _LAKHS.search(text, max(0, place - _LONGEST), place + 3):
            return True
        return bool(_LETTER_OF_MONEY.match(text, place)) and not _OTHER_LETTER.match(text, place)
    return bool(_LETTER.match(text, place)) and not _KELVIN.search(text, max(0, place - 4))


def stands_at(text: str, place: int, *, has_sign: bool) -> bool:
    """Tell whether a word that is a magnitude begins at a place, white space aside."""
    gap = _GAP.match(text, place)
    begin = place if gap is None else gap.end()
    following = text[begin : begin + _LONGEST].casefold()
    word = _WORD.match(following)
    if word is None:
        return False
    if following[0] in _HAN and has_sign and begin > place:
        return not following.startswith(_HAN_WORDS) and text[place - 1] not in _HAN_MONEY
    if word[0] in _DOZENS:
        return not has_sign
    if word[0] in _WORDS:
        return not _PER_MINUTE.match(following)
    return following.startswith(_STEMS) or _WITH_CURRENCY.match(following) is not None


def stands_before(text: str, start: int) -> bool:
    """
    Tell whether a magnitude ends before a number: US$ million 5.2, Mio. € 5,2, (000s) 5.2.

    One other word may be between, such as the name of a currency: en millions d'euros : 5,2.
    """
    before = text[max(0, start - 3 * _LONGEST) : start]
    if _THOUSANDS.match(text, start) or _SHORT_BEFORE.search(before.rstrip(_AROUND)):
        return True
    digit = _UP_TO_DIGIT.match(before)
    begin = 0 if digit is None else digit.end()
    found = [
        word
        for word in _WORD_BEFORE.finditer(before, begin)
        if word[1] and word[1] not in _OF and not currencies().candidates(word[1])
    ]
    if found and is_magnitude(found[-1][1]):
        if found[-1][1][0] in _HAN:
            return _HAN_UNIT.fullmatch(found[-1][1]) is not None
        return _STATE.search(text, max(0, start - 6), start + 7) is None
    farther = found[-2] if len(found) > 1 else None
    if farther is None or farther[1][0] in _HAN:
        return False
    is_counted = digit is not None and not before[begin : farther.start()].strip()
    return not is_counted and farther[1].casefold().startswith(_STEMS)
