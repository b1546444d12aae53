"""The choice within limits, reproduced by hand from the columns."""

from dataclasses import replace

import pytest
from mia_bench.benchmark.metrics.pareto import Estimate
from mia_bench.benchmark.splits.choice import Limit, choose_line
from mia_bench.benchmark.splits.devices import Device, NetworkLink
from mia_bench.benchmark.splits.front import mark_pareto
from mia_bench.benchmark.splits.lines import Deployment, Line, baselines, line_of, modelled
from mia_bench.benchmark.splits.structure import Cut, Stage

DEPLOYMENT = Deployment(
    device=Device(gmacs_per_s=1, pj_per_mac=1000),
    server=Device(gmacs_per_s=10),
    network=NetworkLink(
        uplink_mbit_per_s=8,
        downlink_mbit_per_s=8,
        rtt_ms=10,
        radio_up_mw_per_mbit_per_s=100,
        radio_down_mw_per_mbit_per_s=0,
        radio_base_mw=200,
    ),
)
EXACT_UTILITY = Estimate(0.9, 0.9, 0.9)
STAGES = Stage(10_000_000, 0), Stage(60_000_000, 0), Stage(30_000_000, 0)
CUTS = [
    Cut("conv1", (4, 50, 50), 0, 0, 0, STAGES[:1], STAGES[1:], 0),
    Cut("conv2", (5, 10, 10), 0, 0, 0, STAGES[:2], STAGES[2:], 0),
    Cut("fc1", (10,), 0, 0, 0, STAGES, (), 0),
]


def test_latency_and_energy_of_a_cut_are_those_by_hand() -> None:
    line = line_of(CUTS[0], DEPLOYMENT, bytes_down=1000)

    # 10 MMAC at 1 GMAC/s, 40 kB at 8 Mbit/s, a round trip, 90 MMAC at 10 GMAC/s, 1 kB back
    assert line.latency_ms_modelled == pytest.approx(10 + 40 + 10 + 9 + 1)
    # 10 MMAC of 1 nJ; (100 * 8 + 200) mW for 40 ms and 200 mW for 1 ms
    assert line.energy_mj_modelled == pytest.approx(10 + 40 + 0.2)
    assert line.client_ms_modelled == pytest.approx(10)


def test_energy_is_empty_if_that_of_the_device_is_unknown() -> None:
    deployment = replace(DEPLOYMENT, device=Device(gmacs_per_s=1))

    assert line_of(CUTS[0], deployment, bytes_down=1000).energy_mj_modelled is None


def test_rounds_and_what_a_defense_adds_are_part_of_the_latency() -> None:
    line = Line(split="conv1", wire_kb=40, bytes_down=1000, rounds=3, client_mmacs=10)

    slow = modelled(line, CUTS[0], DEPLOYMENT, client_s=0.005, server_s=2)

    assert slow.latency_ms_modelled == pytest.approx(10 + 40 + 30 + 9 + 1 + 5 + 2000)


def test_the_baselines_are_everything_in_the_cloud_and_on_the_device() -> None:
    cloud, device = baselines(CUTS, DEPLOYMENT, uploaded={"PNG": 5000}, bytes_down=0)

    assert cloud.latency_ms_modelled == pytest.approx(5 + 10 + 10)
    assert (device.latency_ms_modelled, device.energy_mj_modelled) == (pytest.approx(100), pytest.approx(100))


def lines() -> list[Line]:
    leaks = {"conv1": (0.9, 25.0, 0.95), "conv2": (0.05, 14.0, 0.95), "fc1": (0.02, 12.0, 0.95)}
    found = []
    for cut in CUTS:
        identified, psnr_db, utility = leaks[cut.split]
        known = {"identified": identified, "psnr_db": psnr_db, "utility": utility}
        found.append(Line(**{**vars(line_of(cut, DEPLOYMENT, bytes_down=0)), **known}))
    return found


def latency(ms: float) -> Limit:
    return Limit("--max-latency", "latency_ms_modelled", ms)


def test_the_chosen_line_is_the_one_that_a_reader_finds_in_the_columns() -> None:
    table = lines()
    limits = [latency(90), Limit("--max-identified", "identified", 0.1), Limit("--min-utility", "utility", 0.9, True)]

    # conv1: 10 + 40 + 10 + 9 = 69 ms; conv2: 70 + 2 + 10 + 3 = 85 ms; fc1: 100 + 0.04 + 10 = 110.04 ms
    assert [line.latency_ms_modelled for line in table] == [pytest.approx(69), pytest.approx(85), pytest.approx(110.04)]
    best, why = choose_line(table, limits)
    assert best is table[1]
    assert why == "conv2 is the only one of 3 lines that meets all limits."


def test_a_limit_that_no_line_meets_is_named_with_the_distance() -> None:
    assert choose_line(lines(), [latency(60)]) == (
        None,
        "No line meets --max-latency (latency_ms_modelled <= 60): the nearest is conv1 with latency_ms_modelled 69, "
        "9 above it.",
    )


def test_limits_that_exclude_each_other_are_named_with_what_each_would_have_to_be() -> None:
    best, why = choose_line(lines(), [latency(70), Limit("--max-identified", "identified", 0.1)])

    assert best is None
    assert "the nearest is conv2 with latency_ms_modelled 85, 15 above it" in why
    assert "the nearest is conv1 with identified 0.9, 0.8 above it" in why


@pytest.mark.parametrize("line", [Line(split="a"), Line(split="a", identified=0.0, psnr_db=9.0, incomplete=True)])
def test_a_leak_that_is_not_known_meets_no_limit(line: Line) -> None:
    best, why = choose_line([line], [Limit("--max-identified", "identified", 1.0)])

    assert best is None
    assert "identified is not known of any of them" in why
    assert "One line may meet them once all attacks are done. Run those that are missing or failed." in why


def test_the_device_is_not_said_to_be_the_only_line_while_others_may_meet_the_limit() -> None:
    best, why = choose_line(
        [Line(split="a"), Line(split="device", identified=0.0)], [Limit("--max", "identified", 0.1)]
    )

    assert best is not None
    assert best.split == "device"
    assert "device is the only one of 2 lines that meets all limits. One line may meet them" in why


def cut(split: str, ms: float, psnr_db: float | None = None, identified: float | None = None) -> Line:
    return Line(split=split, latency_ms_modelled=ms, psnr_db=psnr_db, identified=identified)


CLOUD = cut("cloud (PNG)", 5, identified=1.0)
DEVICE = cut("device", 80, identified=0.0)


@pytest.mark.parametrize(
    ("table", "chosen", "words"),
    [
        ([CLOUD, cut("a", 9), cut("b", 8)], "b", "b is the fastest of the 3 of 3 lines"),
        ([CLOUD, cut("a", 9, 20.0, 0.5), cut("b", 8)], "a", "One line may meet them once"),
        ([CLOUD, cut("a", 9), DEVICE], "device", "device leaks least of the 3 of 3 lines that meet all limits."),
        ([CLOUD, cut("a", 9, 20.0), cut("b", 8, 30.0)], "a", "a leaks least"),
        (
            [CLOUD, cut("a", 9, 20.0, 0.5), cut("b", 8, 20.0, 0.5)],
            "b",
            "2 lines leak equally little; it is the fastest",
        ),
        ([CLOUD, cut("a", 9, 20.0, 0.5), cut("b", 200, 9.0, 0.1)], "a", "a leaks least of the 2 of 3"),
        ([CLOUD, replace(cut("a", 9), reason="No."), cut("b", 9, 20.0, 0.5)], "b", "b leaks least of the 3 of 3"),
    ],
)
def test_unknown_leaks_and_ties_are_said_and_never_count_as_privacy(table: list[Line], chosen: str, words: str) -> None:
    best, why = choose_line(table, [latency(100)])

    assert best is not None
    assert best.split == chosen
    assert words in why
    assert ("may meet them once" in why) is (
        chosen != "device" and any(not line.leak_known for line in table if not line.reason)
    )


def priced(split: str, leak: Estimate | None, latency_ms: float, utility: Estimate = EXACT_UTILITY) -> Line:
    return Line(
        split=split,
        psnr_db=None if leak is None else leak.value,
        latency_ms_modelled=latency_ms,
        energy_mj_modelled=1.0,
        utility=utility.value,
        leak_estimate=leak,
        utility_estimate=utility,
    )


def marked(*lines: Line) -> list[str]:
    return [line.split for line in mark_pareto(lines) if line.pareto]


def test_a_line_that_is_worse_in_everything_is_off_the_front() -> None:
    good, bad = priced("a", Estimate(10.0, 9.9, 10.1), 5.0), priced("b", Estimate(11.0, 10.9, 11.1), 6.0)

    assert marked(good, bad, Line(split="c"), replace(good, split="d", incomplete=True)) == ["a"]


def test_a_leak_within_its_interval_pushes_no_line_off_the_front() -> None:
    good, bad = priced("a", Estimate(10.0, 8.0, 12.0), 5.0), priced("b", Estimate(11.0, 9.0, 13.0), 6.0)

    assert marked(good, bad) == ["a", "b"]
    assert marked(good, replace(bad, leak_estimate=Estimate(11.0))) == ["a", "b"]


def test_leaks_of_the_same_images_are_compared_image_by_image() -> None:
    images = {index: 6.0 + index for index in range(10)}
    more = {index: value + 1.0 + 0.1 * (index % 2) for index, value in images.items()}
    good = priced("a", Estimate(10.5, 8.0, 13.0, images), 5.0)
    bad = priced("b", Estimate(11.55, 9.0, 14.0, more), 6.0)

    assert marked(good, bad) == ["a"]


def test_a_utility_within_its_interval_pushes_no_line_off_the_front() -> None:
    leak = Estimate(10.0, 9.9, 10.1)
    useful, rival = Estimate(0.90, 0.85, 0.95), Estimate(0.88, 0.83, 0.93)

    assert marked(priced("a", leak, 5.0, useful), priced("b", leak, 6.0, rival)) == ["a", "b"]
    assert marked(priced("a", leak, 5.0, useful), priced("b", leak, 6.0, Estimate(0.5, 0.45, 0.55))) == ["a"]


def test_equal_leaks_are_decided_by_the_costs_however_wide_their_intervals_are() -> None:
    leak = Estimate(10.0, 5.0, 15.0)

    assert marked(priced("a", leak, 5.0), priced("b", leak, 6.0)) == ["a"]


def test_the_baselines_leak_what_they_leak_without_an_attack() -> None:
    device, cloud = priced("device", None, 7.0), priced("cloud (PNG)", None, 6.0)

    assert marked(device, cloud, priced("a", Estimate(10.0, 9.9, 10.1), 8.0)) == ["device", "cloud (PNG)"]
