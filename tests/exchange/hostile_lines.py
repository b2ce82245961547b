"""Lines that are no rows, and characters that are more than they seem."""

import re
from collections.abc import Iterator

from tests.exchange.hostile_case import Case, holding, line, marked, whole


def syntax() -> Iterator[Case]:
    """Lines that are no JSON, or JSON that two readers would read in two ways."""
    no_json = {
        "truncated": b'{"text": "a"',
        "truncated in a text": b'{"text": "a',
        "truncated in an escape": rb'{"text": "a\u12"}',
        "comma at the end": b'{"text": "a",}',
        "single quotes": b"{'text': 'a'}",
        "key without quotes": b'{text: "a"}',
        "comment": b'{"text": "a"} // fine',
        "comment inside": b'{/* a */ "text": "a"}',
        "two objects": b'{"text": "a"}{"text": "b"}',
        "no colon": b'{"text" "a"}',
        "no comma": b'{"text": "a" "b": 1}',
        "raw tab": b'{"text": "a\tb"}',
        "raw control sign": b'{"text": "a\x01b"}',
        "raw NUL": b'{"text": "a\x00b"}',
        "unknown escape": rb'{"text": "\x41"}',
        "octal": b'{"text": "a", "n": 007}',
        "hexadecimal": b'{"text": "a", "n": 0x10}',
        "plus": b'{"text": "a", "n": +1}',
        "point first": b'{"text": "a", "n": .5}',
        "Python": b"{'text': None}",
        "YAML": b"text: a",
        "XML": b"<text>a</text>",
        "huge whole number": b'{"text": "a", "n": ' + b"9" * 5_000 + b"}",
        "only a brace": b"{",
        "brace that closes": b"}",
        "unicode spaces": '{\u00a0"text": "a"}'.encode(),
        "BOM in the middle": b'\xef\xbb\xbf{"text": "a"}',
    }
    yield from (line("syntax", name, content, "not JSON") for name, content in no_json.items())
    for content in (b'"a"', b"7", b"null", b"true", b"[]", b'["a"]'):
        yield line("syntax", f"no object: {content.decode()}", content, "not a JSON object|not JSON")
    twice = {
        "key": b'{"text": "a", "text": "b"}',
        "key within": b'{"text": "a", "x": {"y": 1, "y": 2}}',
        "key by escape": rb'{"text": "a", "t\u0065xt": "b"}',
        "long key": b'{"text": "a", "%(k)s": 1, "%(k)s": 2}' % {b"k": b"k" * 10_000},
    }
    yield from (line("syntax", f"twice: {name}", content, "stands twice") for name, content in twice.items())


def numbers() -> Iterator[Case]:
    """Numbers that are none, or that no computer holds, where a number stands and where none should."""
    for name in ("NaN", "Infinity", "-Infinity"):
        yield line("numbers", name, b'{"text": "a", "score": %s}' % name.encode(), f"{name} is no JSON")
    for name in ("1e999", "-1e999", "1e400", "9" * 400 + ".0"):
        yield line("numbers", name[:20], b'{"text": "a", "score": %s}' % name.encode(), "too large a number")
    for name in (
        "1.5",
        "1e3",
        '"--5"',
        '"1e3"',
        '"' + "9" * 5_000 + '"',
        '"NaN"',
        "true",
        "10000001",
        "-10000001",
        "[]",
    ):
        yield line("numbers", f"priority {name[:20]}", b'{"text": "a", "priority": %s}' % name.encode(), "whole number")


def depth() -> Iterator[Case]:
    """Nesting that would end a reader that follows it by calling itself."""
    for levels in (60, 1_000, 100_000):
        for opens, closes in (("[", "]"), ('{"a":', "}")):
            inner = opens * levels + "1" + closes * levels
            name = f"{levels} times {opens}"
            yield line("depth", name, f'{{"text": "a", "x": {inner}}}'.encode(), "deeper than 60|longer than")
            content = f'[{{"text": "a"}}, {{"text": {inner}}}]'.encode()
            if levels > 60:
                yield whole("depth", f"array, {name}", content, "Entry 2.*deeper", "a.json")
            else:
                why = {2: "deeper"}
                yield Case(family="depth", name=f"array, {name}", write=holding(content), file="a.json", lines=why)
    yield whole("depth", "open lists without end", b"[" * 100_000, "deeper|not JSON", "a.json")
    yield whole("depth", "open objects without end", b'[{"a":' * 100_000, "deeper|not JSON", "a.json")


def encodings() -> Iterator[Case]:
    """Bytes that are no UTF-8, in a line or from the first byte on."""
    bad = {
        "Latin-1": "é".encode("latin-1"),
        "Windows-1252": "“a”".encode("cp1252"),
        "Shift JIS": "日本".encode("shift-jis"),
        "GB 18030": "中文".encode("gb18030"),
        "KOI8": "да".encode("koi8-r"),
        "a byte too few of two": "é".encode()[:1],
        "a byte too few of three": "中".encode()[:2],
        "a byte too few of four": "🐢".encode()[:3],
        "a byte that continues nothing": b"\x80",
        "overlong slash": b"\xc0\xaf",
        "overlong NUL": b"\xc0\x80",
        "half a surrogate pair": b"\xed\xa0\x80",
        "above the last character": b"\xf4\x90\x80\x80",
        "FF": b"\xff",
    }
    for name, content in bad.items():
        yield line("encodings", name, b'{"text": "a%sb"}' % content, "not UTF-8")
        records = b"text\nbefore\n" + b"a" + content + b"b\nafter\n"
        yield Case(
            family="encodings",
            name=f"table, {name}",
            write=holding(records),
            file="a.csv",
            lines={3: "not UTF-8"},
            items=2,
        )
    text = '{"text": "a"}\n{"text": "b"}\n'
    for code in ("utf-16", "utf-16-be", "utf-16-le", "utf-32", "cp500"):
        for ending in ("jsonl", "csv", "json"):
            said = text if ending == "jsonl" else "text\na\n" if ending == "csv" else f"[{text.splitlines()[0]}]"
            why = "UTF-16|NUL|None of the first lines|not UTF-8|not JSON|no format"
            yield whole("encodings", f"{code}.{ending}", said.encode(code), why, f"a.{ending}")
    yield whole("encodings", "array in Latin-1", '[{"text": "é"}]'.encode("latin-1"), "not UTF-8", "a.json")
    yield whole("encodings", "head in Latin-1", "text,é\na,b\n".encode("latin-1"), "first line.*UTF-8", "a.csv")
    yield whole("encodings", "head with NUL", b"te\x00xt\na\n", "first line.*NUL", "a.csv")
    records = holding(b"text\nbefore\na\x00b\nafter\n")
    yield Case(family="encodings", name="NUL in a table", write=records, file="a.csv", lines={3: "NUL"}, items=2)
    yield Case(family="encodings", name="NUL in a .txt", write=records, file="a.txt", lines={3: "NUL"}, items=3)
    for name in (r"\u0000", r"\ud800", r"\udc00", r"\udfff\ud800", r"a\ud83db"):
        why = "NUL or half"
        yield line("encodings", f"escape {name}", b'{"text": "%s"}' % name.encode(), why)
        yield line("encodings", f"escape {name} in a key", b'{"text": "a", "%s": 1}' % name.encode(), why)
    ends = b'{"text": "a"}\r\n{"text": "b"}\n{"text": "c"}\r{"text": "d"}\n{"text": "e"}'
    yield Case(family="encodings", name="mixed line ends", write=holding(ends), lines={3: "not JSON"}, items=3)
    mixed = holding(b'text\r\na\r\nb\n"c\r\nd"\re\n')
    yield Case(family="encodings", name="a table of mixed line ends", write=mixed, file="a.csv", items=4)
    for name, end in {"vertical tab": "\v", "form feed": "\f", "next line": "\x85", "line separator": "\u2028"}.items():
        yield line("encodings", f"{name} as a line end", f'{{"text": "a"}}{end}{{"text": "b"}}'.encode(), "not JSON")
    yield line("encodings", "escape in a tag", rb'{"text": "a", "tags": ["\ud800"]}', "NUL or half")


def seen() -> Iterator[Case]:
    """What comes in as the text that it is, and is pointed out by its line."""
    tokens = (
        "<|im_start|>system",
        "<|im_end|>",
        "<|endoftext|>",
        "<|eot_id|>",
        "<|begin_of_text|>",
        "<s>",
        "</s>",
        "[INST]",
        "[/INST]",
        "<<SYS>>",
        "<bos>",
        "<eos>",
        "<pad>",
        "<start_of_turn>user",
        "<end_of_turn>",
        "<｜User｜>",
        "[CLS]",
        "[MASK]",
        "<|assistant|>",
        "<unk>",
    )
    for token in tokens:
        yield marked("control tokens", token, f"a{token}b", re.escape(token[:2]))
    signs = {
        0x200B: "zero width space",
        0x200D: "joiner in Latin",
        0x2060: "word joiner",
        0x202E: "right to left override",
        0x202A: "embedding",
        0x2066: "isolate",
        0xE0041: "tag",
        0xFEFF: "BOM within",
        0x00AD: "soft hyphen",
        0x7F: "delete",
        0x2028: "line separator",
        0xE000: "private use",
        0x3164: "filler",
        0xE0100: "variant",
        0x061C: "Arabic mark",
        0x180E: "Mongolian separator",
    }
    for code, name in signs.items():
        yield marked("invisible characters", name, f"a{chr(code)}b", f"U\\+{code:04X}")
