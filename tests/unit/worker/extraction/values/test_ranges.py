"""Two numbers of which the last has the currency: the first of a range, or none, or the price."""

import pytest

from tests.unit.worker.extraction.values.test_prices import AMBIGUOUS, read


@pytest.mark.parametrize("kind", ["price", "number"])
@pytest.mark.parametrize(
    ("language", "text"),
    [
        *(("es", "de 26 a 50 €"), ("es", "26 a 50 EUR"), ("pt-BR", "de 26 até 50 R$")),
        *(("fr", "de 26 à 50 €"), ("fr", "entre 26 et 50 €"), ("fr", "26 ou 50 €")),
        *(("it", "da 26 a 50 €"), ("nl", "van 26 tot 50 €"), ("de", "zwischen 26 und 50 €")),
        *(("en", "between 26 and 50 €"), ("en", "26 … 50 €"), ("en", "26 / 50 €")),
        *(("sv", "från 26 till 50 kr"), ("da", "26 til 50 kr"), ("cs", "26 až 50 Kč")),
        *(("tr", "26 ila 50 TL"), ("el", "26 έως 50 €"), ("ro", "de la 26 la 50 lei")),
        *(("zh-CN", "26至50元"), ("es", "1000 a 5000 €"), ("es", "de 1.000 a 5.000 €")),
        # The same in other words and marks.
        *(
            ("fi", "26 ja 50 €"),
            ("hu", "26 és 50 Ft"),
            ("lt", "26 iki 50 €"),
            ("et", "26 kuni 50 €"),
        ),
        *(("uk", "26 чи 50 ₴"), ("bg", "26 и 50 лв."), ("fr", "26 jusqu'à 50 €")),
        *(("it", "26 fino a 50 €"), ("ro", "26 până la 50 lei"), ("vi", "26 đến 50 đ")),
        *(
            ("ja", "26から50円"),
            ("ja", "26 から 50円"),
            ("ko", "26부터 50원"),
            ("th", "26 ถึง 50 บาท"),
        ),
        *(("he", "26 עד 50 ₪"), ("es", "DE 26 A 50 €"), ("de", "26 ODER 50 EUR")),
        *(("en", "26→50 €"), ("en", "26 | 50 €"), ("en", "26 & 50 €"), ("en", "26...50 €")),
        *(("de", "26,- und 50,- €"), ("fr", "50 ou 26 €"), ("en", "Was 26 now 50 €")),
        *(("es", "26a50 €"), ("en", "26 to £50"), ("de", "3 für 50 €")),
    ],
)
def test_the_last_number_behind_any_short_joint_is_not_taken(
    language: str, text: str, kind: str
) -> None:
    assert read(text, language, kind=kind)[0] == AMBIGUOUS


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        *(("en", "26 to 50 €", 26), ("de", "26 bis 50 €", 26), ("pl", "26 do 50 zł", 26)),
        *(("ru", "26 до 50 ₽", 26), ("es", "de 26 € a 50 €", 26), ("es", "€26 a 50", 26)),
        *(("zh-CN", "26元至50元", 26), ("zh-CN", "￥26至￥50", 26), ("ja", "100円から500円", 100)),
        *(("ko", "10,000원에서 50,000원", 10000), ("th", "100บาทถึง500บาท", 100)),
    ],
)
def test_of_what_is_certainly_a_range_it_is_the_first(
    language: str, text: str, value: float
) -> None:
    assert read(text, language)[0] == value


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        *(("de", "500 g 3,99 €", 3.99), ("de", "1 kg 12,99 €", 12.99), ("sv", "2 st 100 kr", 100)),
        *(("de", "Lampe 8 GB 799 €", 799), ("de", "256 GB 799 €", 799), ("de", "3 Stück 20 €", 20)),
        *(("de", "2 x 5,99 €", 5.99), ("de", "2 \u00d7 5,99 €", 5.99), ("de", '55" 499 €', 499)),
        *(("en", "6 pcs 12.99€", 12.99), ("de", "Größe 10: 20 €", 20), ("de", "(22) 30 €", 30)),
        *(("en", "2 for £5", 5), ("pl", "1 kg za 20 zł", 20), ("de", "128GB 799 €", 799)),
        *(("de", "20% 79 €", 79), ("fr", "Taille 10 : 20 €", 20), ("de", "3 Hefte für 20 €", 20)),
    ],
)
def test_what_counts_or_measures_joins_no_prices(language: str, text: str, value: float) -> None:
    assert read(text, language)[0] == value


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        *(("zh-CN", "100元起", (100, "CNY")), ("ko", "10,000원부터", (10000, "KRW"))),
        *(("ja", "1,000円です", (1000, "JPY")), ("th", "100บาทต่อชิ้น", (100, "THB"))),
        ("zh-CN", "原价100元现价50元", (100, "CNY")),
    ],
)
def test_a_word_may_follow_a_currency_where_people_write_no_blanks(
    language: str, text: str, found: tuple[float, str]
) -> None:
    assert read(text, language) == found
