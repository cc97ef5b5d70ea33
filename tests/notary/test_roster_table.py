"""From a roster's bytes to its cells: encodings that are told or tell themselves, and CSV without
anything that two readers could read in two ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.notary.roster import encoding, limits, table
from chalicelib.notary.roster.encoding import Decoded, Encoding, decode_roster
from chalicelib.notary.roster.errors import (
    AmbiguousEncoding,
    MalformedTable,
    UnreadableRoster,
    WrongEncoding,
)
from chalicelib.notary.roster.table import read_table

CHINESE = "姓名,学号\r\n陈𬭎,1\r\n"
ENGLISH = "name,student number\r\n陈𬭎,1\r\n"
RARE = "㐂𠮷𬭎𪣻﨎"


class TestEncodings:
    @pytest.mark.parametrize(
        ("data", "taken"),
        [
            (CHINESE.encode(), "utf-8"),
            (CHINESE.encode("utf-8-sig"), "utf-8"),
            (CHINESE.encode("utf-16"), "utf-16"),
            (b"\xfe\xff" + CHINESE.encode("utf-16-be"), "utf-16"),
            (CHINESE.encode("gb18030"), "gb18030"),
            (b"\x84\x31\x95\x33" + CHINESE.encode("gb18030"), "gb18030"),
        ],
    )
    def test_a_roster_tells_its_encoding(self, data: bytes, taken: str) -> None:
        assert decode_roster(data) == Decoded(CHINESE, taken)

    @pytest.mark.parametrize("asked", ["utf-8", "gb18030"])
    def test_the_encoding_that_is_asked_for_is_taken(self, asked: Encoding) -> None:
        assert decode_roster(CHINESE.encode(asked), asked) == Decoded(CHINESE, asked)

    def test_ascii_reads_alike_in_all(self) -> None:
        assert decode_roster(b"name\nAda\n") == Decoded("name\nAda\n", "utf-8")

    @pytest.mark.parametrize("codec", ["utf-8", "utf-16", "gb18030"])
    def test_rare_characters_are_kept(self, codec: str) -> None:
        text = f"姓名\n{RARE}\nعمر Sio\u0302n\n"
        assert decode_roster(text.encode(codec)).text == text

    def test_chinese_below_an_english_header(self) -> None:
        assert decode_roster(ENGLISH.encode("gb18030")) == Decoded(ENGLISH, "gb18030")

    def test_bytes_that_read_as_both_are_utf_8_and_it_is_told(self) -> None:
        both = "name\n学号\n".encode()
        assert both.decode("gb18030") != both.decode()
        assert decode_roster(both) == Decoded("name\n学号\n", "utf-8", twofold=True)

    def test_a_chinese_header_settles_it(self) -> None:
        data = "学号\n学号\n".encode()
        data.decode("gb18030")
        assert decode_roster(data).twofold is False

    @pytest.mark.parametrize("name", ["Siôn", "Élan", "Müller", "Zoë B"])
    def test_western_europeans_are_not_made_chinese(self, name: str) -> None:
        with pytest.raises(UnreadableRoster):
            decode_roster(f"name\n{name}\n".encode("cp1252"))

    def test_what_may_be_western_european_is_taken_when_asked_for(self) -> None:
        data = "name\n朱镕A\n".encode("gb18030")
        with pytest.raises(AmbiguousEncoding):
            decode_roster(data + b",\xe9Foo\n")
        assert decode_roster(data, "gb18030").text == "name\n朱镕A\n"

    @pytest.mark.parametrize(
        ("data", "asked", "told"),
        [
            (b"\xff\xfea\0", "utf-8", "byte order mark of utf-16"),
            (b"\xef\xbb\xbfa", "gb18030", "byte order mark of utf-8"),
            (b"a\0", "utf-16", "begins with a byte order mark"),
            (b"a\0b\0", "auto", "neither UTF-8 nor GB18030"),
            (b"a\0b\0", "utf-8", "lacks its byte order mark"),
            (b"\xff\xfe\0\0a\0\0\0", "auto", "holds NUL"),
            (b"\xff\xfe\x00\xd8", "auto", "not utf-16-le: byte 0"),
            (b"\xff\xfea", "auto", "not utf-16-le"),
            (b"\xef\xbb\xbf\xff", "auto", "not utf-8: byte 0"),
            (b"a\xff", "utf-8", "not utf-8: byte 1"),
            (b"a\xff", "gb18030", "not gb18030: byte 1"),
            (b"a\xff", "auto", "neither UTF-8 nor GB18030"),
            (b"\xed\xa0\x80", "utf-8", "not utf-8"),
        ],
    )
    def test_what_is_not_text_is_refused(self, data: bytes, asked: Encoding, told: str) -> None:
        with pytest.raises(WrongEncoding, match=told):
            decode_roster(data, asked)

    def test_a_roster_has_a_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(encoding, "ROSTER_BYTES", 10)
        decode_roster(b"a" * 10)
        with pytest.raises(WrongEncoding, match="at most 10 bytes"):
            decode_roster(b"a" * 11)

    @given(st.binary(max_size=60))
    def test_any_bytes_are_read_or_refused(self, data: bytes) -> None:
        try:
            read_table(decode_roster(data).text)
        except UnreadableRoster:
            return


class TestRows:
    def test_rows_are_numbered_as_spreadsheets_show_them(self) -> None:
        found = read_table("a,b\r\n1,2\r\n\r\n,\r\n3,4\r\n,\r\n\r\n")
        assert found.header == ("a", "b")
        assert found.rows == ((2, ("1", "2")), (5, ("3", "4")))

    def test_quoted_cells_hold_anything(self) -> None:
        found = read_table('a,b\n"x, ""y""","two\r\nlines"\n"",2\n')
        assert found.rows == ((2, ('x, "y"', "two\r\nlines")), (3, ("", "2")))

    def test_uneven_rows_are_for_the_reader_to_refuse(self) -> None:
        assert read_table("a,b\n1\n1,2,3\n").rows == ((2, ("1",)), (3, ("1", "2", "3")))

    def test_a_roster_without_a_last_line_end(self) -> None:
        assert read_table("a\n1").rows == ((2, ("1",)),)

    @pytest.mark.parametrize("other", "\u2028\u0085\v\f\x1c")
    def test_other_line_separators_are_characters(self, other: str) -> None:
        assert read_table(f"a\nx{other}y\n").rows == ((2, (f"x{other}y",)),)

    @pytest.mark.parametrize(
        ("text", "header"),
        [
            ("a,b\n", ("a", "b")),
            ("a;b\n", ("a", "b")),
            ("a\tb\n", ("a", "b")),
            ('"a,c";b\n', ("a,c", "b")),
            ("sep=;\na,c;b\n", ("a,c", "b")),
            ('"SEP=\t"\r\na\tb\n', ("a", "b")),
            ("a\n", ("a",)),
        ],
    )
    def test_the_header_tells_what_separates_cells(
        self, text: str, header: tuple[str, ...]
    ) -> None:
        assert read_table(text).header == header

    def test_a_line_that_excel_hides_is_not_counted(self) -> None:
        assert read_table("sep=;\r\na;b\r\n1;2\r\n").rows == ((2, ("1", "2")),)

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("", "the first row names the columns"),
            ("\n\n", "the first row names the columns"),
            (" , \n1,2\n", "the first row names the columns"),
            ("a,b;c\n", "several of comma, semicolon and tab"),
            ("sep=x\na\n", "sep= names"),
            ("sep=|\na\n", "sep= names"),
            ("a\r1\r", "line 1: a carriage return"),
            ('a\n"x\ry"\n', "line 2: a carriage return"),
            ('a\n"x\n', "line 2: unexpected end of data"),
            ('a\n"x"y\n', "line 2: "),
            ('a,b\n1,x"y\n', "line 2: a cell with quotes in it"),
            ('a,b\n1, "y"\n', "line 2: a cell with quotes in it"),
            ('a,b\n1,x"y,z"\n', "line 2: a cell with quotes in it"),
            (f"a\n{'x' * 140_000}\n", "line 2: field larger than field limit"),
        ],
    )
    def test_what_is_no_csv_is_refused(self, text: str, told: str) -> None:
        with pytest.raises(MalformedTable, match=told):
            read_table(text)

    def test_columns_and_rows_have_limits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(table, "ROSTER_COLUMNS", 2)
        monkeypatch.setattr(table, "ROSTER_ROWS", 2)
        read_table("a,b\n1,2\n3,4\n")
        with pytest.raises(MalformedTable, match="at most 2 columns"):
            read_table("a,b,c\n")
        with pytest.raises(MalformedTable, match="at most 2 rows"):
            read_table("a,b\n1,2\n3,4\n\n")
        assert limits.ROSTER_ROWS == 100_000

    @pytest.mark.parametrize(
        "hostile", ['"' * 200_001, 'a\n"' + '""' * 100_000, "a\n" + ' "' * 9_999]
    )
    def test_hostile_quotes_are_refused_before_long(self, hostile: str) -> None:
        """With quadratic work this would not end."""
        with pytest.raises(MalformedTable):
            read_table(hostile)
