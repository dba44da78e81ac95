"""Ways to damage a text file: a byte, a value, a line, the whole. Every function takes and returns bytes."""

import gzip

BYTES = [bytes([b]) for b in b'0123456789,,"" \t\r\x00\x01\x02\x03.+-eE_aZ;#\xff\x80'] + ["é".encode(), "１".encode()]
NUMBERS = [b"1.0", b"1e0", b"1e+05", b"1E5", b" 1", b"1 ", b"+1", b"01", b"-1", b"-0", b"", b"1.5", b".5", b"5.",
           b"9" * 20, b"1e400", b"nan", b"NA", b"text", b'"1"', b'"1.0"', b"1_000", b"0x1", b"20220502", b"20220532",
           b"20290501", b"20220430.0", b"3", b"2", b"15", b"100000", b"9" * 18]  # fmt: skip
SEPARATORS = (b",", b"\x01", b"\x02", b"\x03")


def _at(rng, line):
    return rng.randrange(len(line) + 1)


def delete_byte(rng, line):
    at = _at(rng, line)
    return line[:at] + line[at + 1 :]


def insert_byte(rng, line):
    at = _at(rng, line)
    return line[:at] + rng.choice(BYTES) + line[at:]


def replace_byte(rng, line):
    at = _at(rng, line)
    return line[:at] + rng.choice(BYTES) + line[at + 1 :]


def double_byte(rng, line):
    at = _at(rng, line)
    return line[: at + 1] + line[at:]


def swap_bytes(rng, line):
    at = _at(rng, line)
    return line[:at] + line[at + 1 : at + 2] + line[at : at + 1] + line[at + 2 :]


def change_digit(rng, line):
    digits = [i for i, b in enumerate(line) if 48 <= b < 58]
    if not digits:
        return line
    at = rng.choice(digits)
    return line[:at] + b"%d" % rng.randrange(10) + line[at + 1 :]


def _fields(rng, line, change):
    separator = rng.choice([s for s in SEPARATORS if s in line] or [b","])
    fields = line.split(separator)
    change(fields, rng.randrange(len(fields)))
    return separator.join(fields)


def replace_field(rng, line):
    return _fields(rng, line, lambda fields, i: fields.__setitem__(i, rng.choice(NUMBERS)))


def delete_field(rng, line):
    return _fields(rng, line, lambda fields, i: fields.pop(i))


def double_field(rng, line):
    return _fields(rng, line, lambda fields, i: fields.insert(i, fields[i]))


def swap_fields(rng, line):
    def swap(fields, i):
        j = rng.randrange(len(fields))
        fields[i], fields[j] = fields[j], fields[i]

    return _fields(rng, line, swap)


def quote_field(rng, line):
    return _fields(rng, line, lambda fields, i: fields.__setitem__(i, b'"' + fields[i] + b'"'))


def as_float(rng, line):
    """A number in another ordinary form of the same value."""
    forms = (b"%s.0", b"%se0", b" %s", b"%s ", b"+%s", b"0%s", b"%s.", b'"%s"')
    return _fields(rng, line, lambda fields, i: fields.__setitem__(i, rng.choice(forms) % fields[i]))


def end(rng, line):
    return line + rng.choice([b",", b"\r", b"\r\r", b" ", b"\x1a", b'"', b",,", b"\x00"])


def cut(rng, line):
    return line[: _at(rng, line)]


def join(rng, line):
    """The line lost its end: one line of twice the fields, or of a value that is two."""
    return line + rng.choice([b"", b","]) + line


def repeat(rng, line):
    return line + b"\n" + line


def blank(rng, line):
    return rng.choice([b"", line + b"\n", b" ", b"\n\n"])


LINES = (delete_byte, insert_byte, replace_byte, double_byte, swap_bytes, change_digit, replace_field, delete_field,
         double_field, swap_fields, quote_field, as_float, end, cut, join, repeat, blank)  # fmt: skip
GENTLE = (change_digit, as_float, repeat, blank)  # after which a file can often be read


def windows(rng, data):
    return data.replace(b"\n", b"\r\n")


def old_mac(rng, data):
    return data.replace(b"\n", b"\r")


def mark(rng, data):
    return b"\xef\xbb\xbf" + data


def utf16(rng, data):
    return data.decode("latin-1").encode("utf-16")


def truncate(rng, data):
    return data[: rng.randrange(len(data) + 1)]


def no_first_line(rng, data):
    return data.partition(b"\n")[2]


def first_line_only(rng, data):
    return data.partition(b"\n")[0] + b"\n"


def shuffle(rng, data):
    head, *lines = data.splitlines(keepends=True)
    rng.shuffle(lines)
    return head + b"".join(lines)


def _columns(data, change):
    lines = [line.split(b",") for line in data.splitlines()]
    for fields in lines:
        change(fields)
    return b"".join(b",".join(fields) + b"\n" for fields in lines)


def reorder_columns(rng, data):
    width = data.partition(b"\n")[0].count(b",") + 1
    order = rng.sample(range(width), width)
    return _columns(
        data, lambda fields: fields.__setitem__(slice(width), [fields[i] for i in order if i < len(fields)])
    )


def drop_column(rng, data):
    at = rng.randrange(data.partition(b"\n")[0].count(b",") + 1)
    return _columns(data, lambda fields: fields.pop(min(at, len(fields) - 1)))


def index_column(rng, data):
    name, *numbers = [rng.choice([b"", b"index", b"user_id"]), *(b"%d" % i for i in range(data.count(b"\n")))]
    lines = data.splitlines(keepends=True)
    return b"".join(a + b"," + b for a, b in zip([name, *numbers], lines, strict=False))


def trailing_commas(rng, data):
    head, _, body = data.partition(b"\n")
    return head + b"\n" + body.replace(b"\n", b",\n")


def header_field(rng, data):
    head, newline, body = data.partition(b"\n")
    return rng.choice([delete_field, double_field, swap_fields, as_float, change_digit])(rng, head) + newline + body


FILES = (windows, old_mac, mark, utf16, truncate, no_first_line, first_line_only, shuffle, reorder_columns, drop_column,
         index_column, trailing_commas, header_field)  # fmt: skip


def pack(rng, data):
    """As .gz: whole, of several members, padded, cut short, with a flipped byte, with something behind it, or none."""
    packed, half = gzip.compress(data, 1), len(data) // 2
    how = rng.randrange(7)
    if how == 1:
        return gzip.compress(data[:half], 1) + gzip.compress(data[half:], 1)
    if how == 2:
        return packed + bytes(20)
    if how == 3:
        return packed[: rng.randrange(len(packed))]
    if how == 4:
        at = rng.randrange(len(packed))
        return packed[:at] + bytes([packed[at] ^ 1 << rng.randrange(8)]) + packed[at + 1 :]
    if how == 5:
        return packed + b"garbage"
    return data if how == 6 else packed


def damage(rng, data):
    """Some lines damaged, or the whole, or both: (damaged data, how many lines were)."""
    n = 0
    if rng.random() < 0.85:
        lines = data.split(b"\n")[:-1]
        ways, many = (GENTLE, (1, 4, 12, 40)) if rng.random() < 0.4 else (LINES, (1, 1, 1, 2, 4))
        for i in rng.sample(range(len(lines)), min(len(lines), rng.choice(many))):
            lines[i] = rng.choice(ways)(rng, lines[i])
            n += 1
        data = b"\n".join(lines) + b"\n" * (rng.random() < 0.9)
    if n == 0 or rng.random() < 0.1:
        data, n = rng.choice(FILES)(rng, data), n + 1
    return data, n
