"""KuaiRand read slowly: one loop over characters, one over lines, one over rows."""

import math
import statistics
from datetime import UTC, date, datetime, timedelta

from slow import RefusedError, content, need, ordinary, unpacked, vocabulary

LOG = [
    *("user_id", "video_id", "date", "hourmin", "time_ms", "is_click", "is_like", "is_follow", "is_comment"),
    *("is_forward", "is_hate", "long_view", "play_time_ms", "duration_ms", "profile_stay_time"),
    *("comment_stay_time", "is_profile_enter", "is_rand", "tab"),
]
USER = [
    *("user_active_degree", "is_lowactive_period", "is_live_streamer", "is_video_author"),
    *("follow_user_num_range", "fans_user_num_range", "friend_user_num_range", "register_days_range"),
    *(f"onehot_feat{i}" for i in range(18)),
]
VIDEO = ["author_id", "video_type", "upload_dt", "upload_type", "visible_status", "music_id", "music_type", "tag"]
TEXT = {"user_active_degree", "video_type", "upload_dt", "upload_type", "tag", *(c for c in USER if "range" in c)}
TABS = [0, 1, 2, 4, 6]
MISSING = {"", "NA", "N/A", "NaN", "nan", "NULL", "null", "None"}


def fields(line):
    """The fields of one line, character by character."""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise RefusedError("encoding") from error
    need(all(ord(c) >= 32 for c in text), "control character")
    out, now, state = [], "", "start"
    for c in text:
        if state == "start" and c == '"':
            state = "quoted"
        elif state == "quoted":
            if c == '"':
                state = "quote in quoted"
            else:
                now += c
        elif state == "quote in quoted" and c == '"':
            now, state = now + '"', "quoted"
        elif c == ",":
            out, now, state = [*out, now], "", "start"
        else:
            need(state in ("start", "plain") and c != '"', "quote")
            now, state = now + c, "plain"
    need(state != "quoted", "open quote")
    return [*out, now]


def table(name, data, wanted):
    """(rows of the right width as dicts, number of other rows)."""
    head, *lines = content(name, data)
    head = [column.strip() for column in fields(head)]
    need(len(set(head)) == len(head) and set(wanted) <= set(head), "header")
    rows = [fields(line) for line in lines if line]
    whole = unpacked(name, data).endswith(b"\n") or not rows or not lines[-1] or len(rows[-1]) == len(head)
    need(whole, "cut")
    right = [dict(zip(head, row, strict=True)) for row in rows if len(row) == len(head)]
    return right, len(rows) - len(right)


def features(name, data, key, columns):
    rows, wrong = table(name, data, [key, *columns])
    need(rows and not wrong, "rows")
    out = {}
    for row in rows:
        k = ordinary(row[key])
        need(k >= 0 and k not in out, "key")
        values = [None if row[c] in MISSING else row[c] for c in columns]
        out[k] = [v if v is None or c in TEXT else ordinary(v) for c, v in zip(columns, values, strict=True)]
    return out


def day(number):
    try:
        return date(number // 10000, number // 100 % 100, number % 100)
    except (ValueError, OverflowError):
        raise RefusedError("no date") from None


def log_rows(name, data):
    rows, wrong = table(name, data, LOG)
    need(rows and wrong <= min(10, len(rows)), "too few columns")
    rows = [{c: ordinary(row[c]) for c in LOG} for row in rows]
    for row in rows:
        need(row["is_click"] in (0, 1) and 0 <= row["tab"] <= 14 and row["is_rand"] == 0, "range")
        need(min(row[c] for c in ("user_id", "video_id", "time_ms", "duration_ms")) >= 0, "negative")
        need(date(2022, 4, 24) <= day(row["date"]) <= date(2022, 5, 9), "date")
    unique = {}
    for row in rows:
        if row["tab"] in TABS:
            unique.setdefault(tuple(row.values()), row)
    need(unique, "no rows")
    return sorted(unique.values(), key=lambda row: row["time_ms"])


def last_days(rows):
    days = [row["date"] for row in rows]
    counts = {d: days.count(d) for d in sorted(set(days))}
    days = [d for d, n in counts.items() if n * 20 >= statistics.median(counts.values())]
    return days[max(len(days) - 5, 0)], days[max(len(days) - 3, 0)]


def lag(row):
    try:
        there = datetime.fromtimestamp(row["time_ms"] // 1000, UTC) + timedelta(hours=8)
        return (day(row["date"]) - there.date()).days
    except (ValueError, OverflowError, OSError):
        return -(10**9)


def bounds(rows):
    """Last days of training and validation; refused where rows decide them whose date is not that of their time."""
    lags = [lag(row) for row in rows]
    usual = int(statistics.median(lags))
    fit = [row for row, n in zip(rows, lags, strict=True) if abs(n - usual) <= 1]
    known = abs(usual) <= 7 and len(rows) - len(fit) <= max(1, 0.1 * len(rows))
    need(not known or last_days(fit) == last_days(rows), "a date that does not fit moves the split")
    return last_days(rows)


def read(files, min_count):
    """Files by name, as bytes -> (rows of train, valid, test), each row (ids, label, domain, user)."""
    by_kind = {name.partition("_")[0]: (name, data) for name, data in files.items()}
    rows = log_rows(*by_kind["log"])
    train_until, valid_until = bounds(rows)
    part = [(row["date"] > train_until) + (row["date"] > valid_until) for row in rows]
    need(set(part) == {0, 1, 2}, "an empty part")
    values = []
    for key, columns in (("user_id", USER), ("video_id", VIDEO)):
        known = features(*by_kind[key.partition("_")[0]], key, columns)
        need(any(row[key] in known for row in rows), "of another version")
        values.append([known.get(row[key], [None] * len(columns)) for row in rows])
    bucket = [math.floor(4 * math.log2(1 + row["duration_ms"] / 1000)) for row in rows]
    raw = [
        [row["user_id"], row["video_id"], *user, *video, length, row["tab"]]
        for row, user, video, length in zip(rows, *values, bucket, strict=True)
    ]
    known = [
        vocabulary([r[f] for r, p in zip(raw, part, strict=True) if p == 0], min_count) for f in range(len(raw[0]))
    ]
    known[-1] = {tab: i for i, tab in enumerate(TABS, start=1)}
    out = [], [], []
    for row, r, p in zip(rows, raw, part, strict=True):
        ids = [v.get(x, 0) for v, x in zip(known, r, strict=True)]
        out[p].append((ids, row["is_click"], TABS.index(row["tab"]), row["user_id"]))
    return out
