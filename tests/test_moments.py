"""Moments: the stated forms of ISO 8601 and no others, in every way in which a time comes in."""

import json
from datetime import UTC, date, datetime, time, timedelta, timezone

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logs import action

from gymlab.actions import frame_from_records, read_actions, select_actions, validate_actions
from gymlab.errors import InputError

NONE = [
    "20230808120000Z",
    "1712011512345",
    "1712011512",
    "2026-01-31x12:00",
    "2026-01-31t12:00Z",
    "2026-01-31T12:00z",
    "2026-01-31  12:00",
    "2026-01-31T1230",
    "20260131T12:30",
    "2026-01-31T24:00",
    "2026-01-31T23:59:60Z",
    "0000-01-01",
    "10000-01-01",
    "+2026-01-31",
    "2026-02-30",
    "2026-W05-6",
    "2026W056",
    "2026-031",
    "2026-01",
    "12:30",
    "2026-01-31Z",
    "2026-01-31T12:00+24:00",
    "2026-01-31T12:00-05:60",
    "2026-01-31T12:00:00+05:30:15",
    "2026-01-31T12:00:00.",
    "2026-01-31T12:00 +01:00",
    "2026-01-31T12:00\u221205:00",
    " 2026-01-31",
    "2026-01-31\n",
    "\uff12\uff10\uff12\uff16-01-31",
    "\u0662\u0660\u0662\u0666-01-31",
    "0001-01-01T00:00+05:00",
    "9999-12-31T23:59-05:00",
    "now",
]


def moment_in(value):
    return frame_from_records([action() | {"timestamp": value}])["timestamp"].item()


# --- texts, against an oracle that writes them ---

zones = st.none() | st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda m: timezone(timedelta(minutes=m)))
moments = st.datetimes(
    datetime.fromisoformat("0002-01-01"), datetime.fromisoformat("9998-12-31"), timezones=zones
)


@st.composite
def written(draw):
    """Return a moment and one of the texts that name it."""
    moment = draw(moments)
    basic = draw(st.booleans())
    dash, colon = ("", "") if basic else ("-", ":")
    upto = draw(st.sampled_from(["minute", "second", "fraction"]))
    if upto != "fraction":
        moment = moment.replace(microsecond=0, second=0 if upto == "minute" else moment.second)
    text = f"{moment.year:04}{dash}{moment.month:02}{dash}{moment.day:02}{draw(st.sampled_from('T '))}"
    text += f"{moment.hour:02}{colon}{moment.minute:02}"
    if upto != "minute":
        text += f"{colon}{moment.second:02}"
    if upto == "fraction":
        text += (
            f"{draw(st.sampled_from('.,'))}{moment.microsecond:06}{draw(st.sampled_from(['', '9', '999']))}"
        )
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC), text
    minutes = int(moment.utcoffset().total_seconds()) // 60
    sign, hours, rest = "-" if minutes < 0 else "+", abs(minutes) // 60, abs(minutes) % 60
    forms = [f"{sign}{hours:02}{rest:02}", f"{sign}{hours:02}:{rest:02}"]
    forms += [f"{sign}{hours:02}"] * (rest == 0) + ["Z"] * (minutes == 0)
    return moment, text + draw(st.sampled_from(forms))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(written())
def test_each_stated_form_is_read_as_the_moment_that_it_names(case):
    moment, text = case
    assert moment_in(text) == moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31", "2026-01-31T00:00:00Z"),
        ("20260131", "2026-01-31T00:00:00Z"),
        ("20260131T12", "2026-01-31T12:00:00Z"),
        ("2026-01-31 12+01", "2026-01-31T11:00:00Z"),
        ("2026-01-31T12:00:00.123456789Z", "2026-01-31T12:00:00.123456Z"),
        ("2026-01-31T12:00:00-00:00", "2026-01-31T12:00:00Z"),
    ],
)
def test_dates_alone_hours_alone_and_long_fractions(text, moment):
    assert moment_in(text) == pd.Timestamp(moment)


@pytest.mark.parametrize("text", NONE)
def test_every_other_text_is_no_time_in_files_filters_and_conditions(text, tmp_path):
    log = frame_from_records([action()])
    (tmp_path / "a.jsonl").write_text(json.dumps(action(timestamp=text)))
    pd.DataFrame([action(timestamp=text, metadata=None)]).to_csv(tmp_path / "a.csv", index=False)
    pd.DataFrame([action(timestamp=text, metadata=None)]).to_parquet(tmp_path / "a.parquet")
    for attempt in (
        lambda: moment_in(text),
        lambda: validate_actions(log.assign(timestamp=text)),
        lambda: read_actions(tmp_path / "a.jsonl"),
        lambda: read_actions(tmp_path / "a.csv"),
        lambda: read_actions(tmp_path / "a.parquet"),
        lambda: select_actions(log, since=text),
        lambda: select_actions(log, where=f"timestamp={text}"),
    ):
        with pytest.raises(InputError, match="is no ISO 8601 time"):
            attempt()


# --- objects ---


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (date(2026, 1, 31), "2026-01-31T00:00:00Z"),
        (np.datetime64("2026-01-31T00:00:00.123456789"), "2026-01-31T00:00:00.123456Z"),
        (pd.Timestamp("2026-01-31T00:00:00.123456789", tz="Asia/Tokyo"), "2026-01-30T15:00:00.123456Z"),
        (datetime(2026, 1, 31, tzinfo=timezone(timedelta(hours=5))), "2026-01-30T19:00:00Z"),
    ],
)
def test_dates_and_datetimes_are_moments(value, moment):
    assert moment_in(value) == pd.Timestamp(moment)


@pytest.mark.parametrize("value", [None, float("nan"), pd.NaT, pd.NA, np.datetime64("NaT")])
def test_a_missing_time_is_unknown(value):
    assert moment_in(value) is pd.NaT


@pytest.mark.parametrize(
    "value",
    [
        5,
        1.5,
        True,
        b"2026-01-31",
        time(12),
        timedelta(1),
        pd.Period("2026-01"),
        ["2026-01-31"],
        np.datetime64("20000-01-01"),
        pd.Timestamp(np.datetime64("20000-01-01", "s")),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))),
        datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5))),
        10**5000,
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_objects_are_no_times(value):
    with pytest.raises(InputError, match="is no ISO 8601 time"):
        moment_in(value)
    with pytest.raises(InputError, match="is no ISO 8601 time"):
        select_actions(frame_from_records([action()]), since=value)


@pytest.mark.parametrize("since", [pd.NaT, float("nan"), np.datetime64("NaT")])
def test_a_missing_time_cuts_nothing(since):
    with pytest.raises(InputError, match="is no time"):
        select_actions(frame_from_records([action()]), since=since)


@pytest.mark.parametrize("far", ["12000-01-01", "-0010-01-01", "146138514283-06-19"])
def test_a_column_of_datetimes_may_not_leave_the_calendar(far):
    log = frame_from_records([action(step=0), action(step=1)])
    log["timestamp"] = np.array(["2026-01-31", far], dtype="datetime64[s]")
    with pytest.raises(InputError, match=r"row 1: timestamp: .* is no ISO 8601 time"):
        validate_actions(log)


def test_columns_of_any_kind_of_datetime_are_read():
    log = frame_from_records([action(step=0), action(step=1)])
    days = pd.to_datetime(["2026-01-31", "2026-02-01"])
    for column in (
        pd.Series(days),
        pd.Series(days.tz_localize("UTC")),
        pd.Series(days.as_unit("s")),
        pd.Series(days, dtype=pd.ArrowDtype(pa.timestamp("ns", "UTC"))),
        pd.Series(days.date),
        pd.Series(days.astype("str")),
        pd.Series(days.astype("str"), dtype="category"),
    ):
        loose = log.assign(timestamp=column)
        assert validate_actions(loose)["timestamp"].tolist() == days.tz_localize("UTC").tolist()
        assert select_actions(loose, since="2026-02-01")["step"].tolist() == [1]
        assert select_actions(loose, where="timestamp=20260131T00Z")["step"].tolist() == [0]


@pytest.mark.parametrize(
    ("column", "good"),
    [
        (pa.array([date(2026, 1, 31)]), True),
        (pa.array([0], pa.date64()), True),
        (pa.array([1], pa.timestamp("s")), True),
        (pa.array([1], pa.timestamp("ns", "Asia/Tokyo")), True),
        (pa.array(["20260131T12Z"], pa.large_string()), True),
        (pa.array([10**12], pa.timestamp("s")), False),
        (pa.array([10**9], pa.int32()).cast(pa.date32()), False),
        (pa.array([1], pa.time64("ns")), False),
        (pa.array([1], pa.duration("s")), False),
        (pa.array([1]), False),
    ],
)
def test_times_of_parquet(column, good, tmp_path):
    table = pa.Table.from_pandas(
        frame_from_records([action()]).drop(columns="timestamp"), preserve_index=False
    )
    pq.write_table(table.append_column("timestamp", column), tmp_path / "a.parquet")
    if good:
        assert read_actions(tmp_path / "a.parquet")["timestamp"].notna().all()
    else:
        with pytest.raises(InputError, match=r"row 0: timestamp: .* is no ISO 8601 time"):
            read_actions(tmp_path / "a.parquet")
