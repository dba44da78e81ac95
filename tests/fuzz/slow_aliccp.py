"""AliCCP read slowly: split at the separators, a dict for each line."""

from slow import content, need, vocabulary

USER = ["101", "121", "122", "124", "125", "126", "127", "128", "129"]
FIELDS = [*USER, *["205", "206", "207", "216", "301", "508", "509", "702"]]


def number(text, base=10):
    digits = b"0123456789abcdef"[:base]
    need(1 <= len(text) <= (18 if base == 10 else 16) and set(text) <= set(digits), "not a number")
    return int(text, base)


def tokens(text, announced, wanted):
    """Field -> id of the wanted fields; of two tokens of one field the later counts."""
    tokens, out = text.split(b"\x01") if text else [], {}
    for token in tokens:
        need(token.count(b"\x02") == 1 and token.count(b"\x03") == 1, "token")
        field, rest = token.split(b"\x02")
        need(b"\x03" in rest, "token")
        if len(field) == 3:
            number(field)
            if field.decode() in wanted:
                out[field.decode()] = number(rest.split(b"\x03")[0])
    need(number(announced) == len(tokens), "feature_num")
    return out


def columns(line, n):
    need(all(b >= 32 or b in (1, 2, 3) for b in line), "control character")
    out = line.split(b",")
    need(len(out) == n and not any(b < 32 for part in out[:-1] for b in part), "columns")
    return out


def contexts(name, data):
    out = {}
    for line in content(name, data):
        index, announced, text = columns(line, 3)
        out[number(index, 16)] = tokens(text, announced, USER)
    return out


def impressions(name, data, known, domains=None):
    """Valid rows as (sample id, click, {field: id}); of invalid rows, too, the domain must be one of those allowed."""
    out = []
    for line in content(name, data):
        sample, click, conversion, index, announced, text = columns(line, 6)
        sample, click, conversion, index = number(sample), number(click), number(conversion), number(index, 16)
        need(click < 2 and conversion < 2 and index in known, "label or index")
        ids = known[index] | tokens(text, announced, FIELDS[len(USER) :])
        need("301" in ids and (domains is None or ids["301"] in domains), "no domain, or none of the training rows'")
        if click or not conversion:
            out.append((sample, click, ids))
    need(out, "no rows")
    return out


def coin(key):
    mask = 2**64 - 1
    z = (key + 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return ((z ^ (z >> 31)) >> 11) * 2.0**-53


def read(files, min_count, valid_share):
    """Files by name, as bytes -> (rows of train, valid, test), each row (ids, label, domain, user)."""
    by_kind = {name.partition(".")[0]: (name, data) for name, data in files.items()}
    known = {split: contexts(*by_kind[f"common_features_{split}"]) for split in ("train", "test")}
    learnt = impressions(*by_kind["sample_skeleton_train"], known["train"])
    domains = [ids["301"] for _, _, ids in learnt]
    needed = min(max(len(domains) // 10_000, min(5, len(domains) // 10)), 100)
    need(all(domains.count(d) >= needed for d in domains), "a domain without rows")
    test = impressions(*by_kind["sample_skeleton_test"], known["test"], set(domains))
    train = [row for row in learnt if coin(row[0]) >= valid_share]
    valid = [row for row in learnt if coin(row[0]) < valid_share]
    known = {field: vocabulary([ids.get(field) for _, _, ids in train], min_count) for field in FIELDS}
    known["301"] = vocabulary(domains, 1)
    return tuple(
        [
            ([known[f].get(ids.get(f), 0) for f in FIELDS], click, known["301"][ids["301"]] - 1, ids.get("101", -1))
            for _, click, ids in part
        ]
        for part in (train, valid, test)
    )
