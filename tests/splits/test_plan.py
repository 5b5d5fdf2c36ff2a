from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seepseg.errors import SourceError, UsageError
from seepseg.splits.groups import read_groups, recognise_groups
from seepseg.splits.plan import Entry, plan_splits, table


def entry(stem, *counts, group=None, split=None):
    return Entry(str(stem), group, counts or (0,), split)


def singles(count, classes=(1,)):
    return [entry(index, *classes) for index in range(count)]


def deal(entries, copies=(), *, shares=None, folds=0, seed=0, names=()):
    return plan_splits(entries, copies, shares=shares, folds=folds, seed=seed, names=names)


def skewed(rng, images, per_group=1, classes=7):
    rates = np.array([0.787, 0.15, 0.075, 0.06, 0.297, 0.332, 0.05])[:classes]
    return [entry(index, *rng.poisson(rates).tolist(), group=f"g{index // per_group}") for index in range(images)]


@st.composite
def datasets(draw):
    count = draw(st.integers(1, 40))
    counts = st.tuples(*[st.integers(0, 3)] * 3)
    groups = st.one_of(st.none(), st.sampled_from(["a", "b", "c", "7"]))
    splits = st.sampled_from([None, "train", "val", "test"]) if draw(st.booleans()) else st.none()
    entries = [Entry(str(index), draw(groups), draw(counts), draw(splits)) for index in range(count)]
    index = st.integers(0, count - 1)
    return entries, draw(st.lists(st.tuples(index, index), max_size=8))


def together(entries, copies):
    """Pairs of entries that must not be parted."""
    named = {}
    pairs = list(copies)
    for index, one in enumerate(entries):
        pairs.append((named.setdefault(one.group or one.stem, index), index))
    return pairs


@settings(max_examples=60)
@given(datasets(), st.sampled_from([None, (0.7, 0.15, 0.15), (0.8, 0.2, 0.0), (1.0, 0.0, 0.0)]), st.integers(0, 3))
def test_no_group_and_no_copy_is_on_two_sides(dataset, shares, seed):
    entries, copies = dataset
    try:
        made = deal(entries, copies, shares=shares, seed=seed)
    except UsageError:
        return
    for one, other in together(entries, copies):
        assert made.splits[one] == made.splits[other]
        assert made.groups[one] == made.groups[other]


@settings(max_examples=60)
@given(datasets(), st.integers(2, 4), st.integers(0, 3))
def test_no_group_is_in_two_folds(dataset, folds, seed):
    entries, copies = dataset
    try:
        made = deal(entries, copies, folds=folds, seed=seed)
    except UsageError:
        return
    for one, other in together(entries, copies):
        assert made.folds[one] == made.folds[other]
    kept = {fold for fold, split in zip(made.folds, made.splits, strict=True) if split != "test"}
    assert kept == set(range(folds))
    assert all((fold == -1) == (split == "test") for fold, split in zip(made.folds, made.splits, strict=True))


@settings(max_examples=60)
@given(datasets(), st.integers(0, 3))
def test_the_same_seed_gives_the_same_plan(dataset, seed):
    entries, copies = dataset
    try:
        made = deal(entries, copies, shares=(0.6, 0.2, 0.2), seed=seed)
    except UsageError:
        return
    assert made == deal(list(entries), list(copies), shares=(0.6, 0.2, 0.2), seed=seed)


@settings(max_examples=60)
@given(st.lists(st.tuples(*[st.integers(0, 2)] * 4), min_size=12, max_size=60), st.integers(0, 5))
def test_train_has_every_class(counts, seed):
    made = deal([entry(index, *one) for index, one in enumerate(counts)], seed=seed)
    present = np.array(counts) > 0
    in_train = present[[split == "train" for split in made.splits]].any(axis=0)
    assert (in_train == present.any(axis=0)).all()


@settings(max_examples=60)
@given(st.integers(3, 9), st.integers(0, 100), st.integers(0, 1000))
def test_a_class_of_three_groups_reaches_all_three_splits(rare, common, seed):
    entries = [entry(index, 1, 2) for index in range(rare)] + [entry(rare + index, 0, 1) for index in range(common)]
    made = deal(entries, seed=seed)
    assert set(made.splits[:rare]) == {"train", "val", "test"}
    assert not made.notes


def test_two_classes_that_share_a_group_both_reach_all_three_splits():
    entries = [entry(index, *one) for index, one in enumerate([(1, 0), (0, 3), (1, 3), (0, 3), (1, 0)])]
    assert not deal(entries).notes


def test_three_images_without_objects_fill_three_splits():
    assert set(deal(singles(3, (0,))).splits) == {"train", "val", "test"}


def test_another_seed_gives_another_plan():
    entries = singles(100)
    assert deal(entries, seed=1).splits != deal(entries, seed=2).splits


@pytest.mark.parametrize("per_group", [1, 20])
def test_shares_of_images_and_of_every_class_are_met(per_group):
    entries = skewed(np.random.default_rng(0), 4000, per_group)
    made = deal(entries)
    counts = np.array([(1, *one.counts) for one in entries])
    for split, share in (("train", 0.7), ("val", 0.15), ("test", 0.15)):
        got = counts[[one == split for one in made.splits]].sum(axis=0) / counts.sum(axis=0)
        assert np.abs(got - share).max() < (0.01 if per_group == 1 else 0.03)


def test_sizes_are_spread_over_the_splits():
    entries = [entry(index, 1 + index % 20) for index in range(400)]
    made = deal(entries)
    for split in ("train", "val", "test"):
        mean = np.mean([one.counts[0] for one, at in zip(entries, made.splits, strict=True) if at == split])
        assert mean == pytest.approx(10.5, abs=0.6)


def test_a_scene_of_half_the_images_goes_to_train():
    entries = [entry(index, 1, group="big") for index in range(50)] + singles(50)
    assert deal(entries).splits[0] == "train"


def test_copies_join_groups_through_others():
    entries = [entry(name, 1, group=name[0]) for name in ("a1", "a2", "b1", "b2", "c1", "d1", "e1")]
    made = deal(entries, [(1, 2), (3, 4)])
    assert made.groups == ("a", "a", "a", "a", "a", "d", "e")
    assert "2 pairs of copies kept on one side" in made.notes


def test_copies_of_one_group_keep_the_names_of_others():
    assert deal(singles(4), [(2, 1)]).groups == ("0", "1", "1", "3")


def test_a_class_in_two_groups_is_told():
    entries = [entry(index, 1, int(index < 2)) for index in range(20)]
    made = deal(entries, names=("seep", "ship"))
    assert [note for note in made.notes if "class 'ship' occurs in 2 groups only" in note]
    assert "train" in made.splits[:2]


def test_everything_may_go_to_train():
    assert set(deal(singles(3), shares=(1.0, 0.0, 0.0)).splits) == {"train"}


def test_a_split_without_a_share_stays_empty():
    assert Counter(deal(singles(10), shares=(0.8, 0.2, 0.0)).splits) == {"train": 8, "val": 2}


@pytest.mark.parametrize(("count", "instead"), [(1, "1,0,0"), (2, ".8,.2,0")])
def test_too_few_groups_are_refused_with_a_way_out(count, instead):
    with pytest.raises(UsageError, match=rf"{count} groups? cannot fill train, val and test; use --split {instead}"):
        deal(singles(count))


def test_too_few_groups_say_how_many_images_they_hold():
    with pytest.raises(UsageError, match=r"1 group \(of 5 images\) cannot fill train and val"):
        deal([entry(index, 1, group="scene") for index in range(5)], shares=(0.8, 0.2, 0.0))


@pytest.mark.parametrize("shares", [(0.7, 0.2, 0.2), (80, 10, 10), (1.2, -0.2, 0.0), (float("nan"), 0.5, 0.5)])
def test_shares_that_do_not_sum_to_one_are_refused(shares):
    with pytest.raises(UsageError, match="sum to 1"):
        deal(singles(9), shares=shares)


@pytest.mark.parametrize(
    ("kwargs", "words"), [({"folds": 1}, "at least 2"), ({"folds": 50}, "fewer folds"), ({"seed": -1}, "--seed")]
)
def test_settings_out_of_range_are_refused(kwargs, words):
    with pytest.raises(UsageError, match=words):
        deal(singles(9), **kwargs)


def test_no_images_are_refused():
    with pytest.raises(UsageError, match="no images"):
        deal([])


def test_folds_hold_every_class_in_equal_parts():
    entries = skewed(np.random.default_rng(1), 1000)
    made = deal(entries, folds=5)
    counts = np.array([(1, *one.counts) for one in entries])
    sums = np.array([counts[np.array(made.folds) == fold].sum(axis=0) for fold in range(5)])
    assert (np.ptp(sums, axis=0) <= 4).all()


def test_no_folds_are_made_unasked():
    assert deal(singles(5)).folds == ()


# The source's own split.


def own(**splits):
    return [entry(f"{split}{index}", 1, split=split) for split, count in splits.items() for index in range(count)]


def test_the_sources_own_split_is_kept():
    entries = own(train=3, val=2, test=1)
    made = deal(entries)
    assert made.splits == tuple(one.split for one in entries)
    assert not made.notes


def test_shares_overrule_the_sources_own_split():
    assert Counter(deal(own(train=1, val=9), shares=(0.8, 0.2, 0.0)).splits) == {"train": 8, "val": 2}


def test_a_source_without_test_stays_without_and_says_so():
    made = deal(own(train=4, val=2))
    assert Counter(made.splits) == {"train": 4, "val": 2}
    assert any("no test split" in note for note in made.notes)


@pytest.mark.parametrize("only", ["train", "val", "test"])
def test_a_source_with_one_split_is_split_anew_and_says_so(only):
    made = deal(own(**{only: 20}))
    assert Counter(made.splits) == {"train": 14, "val": 3, "test": 3}
    assert made.notes == (f"the source has {only} only: split anew by .7,.15,.15",)


def test_a_source_without_val_gets_one_out_of_train():
    made = deal(own(train=20, test=5))
    assert Counter(made.splits) == {"train": 16, "val": 4, "test": 5}
    assert any("no val split: 4 of the 20 groups of train became val" in note for note in made.notes)


def test_images_without_a_split_go_to_train_and_are_counted():
    made = deal([*own(train=2, val=2, test=2), entry("stray", 1)])
    assert made.splits[-1] == "train"
    assert any(note.startswith("1 image without a split") for note in made.notes)


def test_an_image_without_a_split_follows_its_group():
    made = deal([*own(train=2, test=2), entry("v", 1, group="scene", split="val"), entry("stray", 1, group="scene")])
    assert made.splits[-1] == "val"


def test_groups_that_leak_go_to_train_and_are_counted():
    entries = own(train=3, val=3, test=2)
    made = deal(entries, [(0, 3), (1, 6)])
    assert Counter(made.splits) == {"train": 5, "val": 2, "test": 1}
    assert [note for note in made.notes if "leaks: 2 groups in several splits (train0, train1); 2 images" in note]


def test_a_leak_between_val_and_test_goes_to_train():
    assert deal(own(train=3, val=3, test=2), [(3, 6)]).splits[3] == "train"


def test_a_split_that_leaks_as_a_whole_is_refused():
    with pytest.raises(UsageError, match="every group of val has images elsewhere too"):
        deal(own(train=3, val=1, test=1), [(0, 3)])


def test_a_class_that_the_sources_own_val_lacks_is_told():
    entries = [
        entry(f"{split}{index}", int(split == "train"), split=split)
        for split in ("train", "val", "test")
        for index in range(4)
    ]
    assert deal(entries, names=("seep",)).notes == ("class 'seep' is not in val and test",)


# Groups from names.


def test_scene_and_tile_names_are_recognised_and_told():
    groups, note = recognise_groups(["041869.000064", "041869.000065", "041870.000001"], None)
    assert groups == ("041869", "041869", "041870")
    assert note == "grouped by scene: 041869.000064 → 041869 (2 scenes)"


def test_a_few_other_names_do_not_hide_the_scenes():
    groups, note = recognise_groups([f"a.{index}" for index in range(19)] + ["logo"], None)
    assert groups == ("a",) * 19 + (None,)
    assert note == "grouped by scene: a.0 → a (1 scene, 1 other name on their own)"


def test_a_counter_with_a_label_behind_it_is_no_grid():
    stems = [f"{site}_{number:04d}_{number % 2}" for site in ("CHNCXR", "MCUCXR") for number in range(1, 60)]
    assert recognise_groups(stems, None) == ((None,) * len(stems), None)


@pytest.mark.parametrize("form", ["s{}_x{}_y{}", "s{}_r{}_c{}", "s{}-row{}-col{}", "s{}_{}_{}", "S1_2021_{}_{}_{}"])
def test_names_with_row_and_column_are_recognised(form):
    stems = [form.format(scene, 256 * row, 256 * column) for scene in (1, 2) for row in range(3) for column in range(4)]
    groups, _ = recognise_groups(stems, None)
    assert len(set(groups)) == 2
    assert len(set(groups[:12])) == 1


def test_augmented_versions_in_a_roboflow_export_are_one_group():
    stems = [f"leaf{n}_jpg.rf.{digit * 32}" for n in (1, 2) for digit in "ab"]
    assert recognise_groups(stems, None)[0] == ("leaf1", "leaf1", "leaf2", "leaf2")


@pytest.mark.parametrize(
    "stems",
    [
        ["a", "b", "c"],
        ["10777_sat", "10778_sat"],
        ["a.1", "b.1"],
        [f"IMG_20210315_1015{second}" for second in range(10, 60)],
        [f"{year}_{month:02}_{day:02}" for year in (2020, 2021) for month in range(1, 13) for day in range(1, 29)],
        [f"DSC_{number:04}_1" for number in range(50)],
        [],
    ],
)
def test_other_names_are_groups_of_their_own(stems):
    assert recognise_groups(stems, None) == ((None,) * len(stems), None)


def test_a_regex_groups_by_its_first_capture():
    groups, note = recognise_groups(["p1-a-x", "p1-b-x", "p2-a-x"], r"^(p\d)-(.)")
    assert groups == ("p1", "p1", "p2")
    assert note == "grouped by --group: p1-a-x → p1 (2 groups)"


def test_stems_that_a_regex_misses_are_all_named():
    with pytest.raises(UsageError) as error:
        recognise_groups(["p1", "q2", "r3"], r"p(\d)")
    assert "q2" in str(error.value)
    assert "r3" in str(error.value)


@pytest.mark.parametrize(
    ("regex", "words"), [("p(", "not a regular expression"), ("p.", "no capture"), ("p(x)?", "captures nothing")]
)
def test_a_regex_that_cannot_group_is_refused(regex, words):
    with pytest.raises(UsageError, match=words):
        recognise_groups(["p1"], regex)


# Groups from a file.


def test_groups_are_read_from_a_file(tmp_path):
    path = tmp_path / "groups.csv"
    path.write_text('\ufeffstem,group\na,1\n"b,c",1\n\nd , 2\n', encoding="utf-8")
    assert read_groups(path) == {"a": "1", "b,c": "1", "d": "2"}


def test_every_bad_line_of_a_group_file_is_named(tmp_path):
    path = tmp_path / "groups.csv"
    path.write_text("a,1\nb\na,2\n,x\n")
    with pytest.raises(SourceError) as error:
        read_groups(path)
    assert [line.split("groups.csv:")[1][0] for line in str(error.value).splitlines()] == ["2", "3", "4"]


def test_a_group_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(SourceError, match=r"none\.csv"):
        read_groups(tmp_path / "none.csv")


# The table.


def test_the_table_counts_images_groups_and_instances():
    entries = [entry("a", 1000, 2, group="s"), entry("b", 1, 0, group="s"), entry("c", 0, 1), entry("d", 2, 1)]
    made = deal(
        [
            Entry(one.stem, one.group, one.counts, split)
            for one, split in zip(entries, ("train", "train", "val", "test"), strict=True)
        ]
    )
    assert [line.split() for line in table(made, entries, ["seep", "ship"]).splitlines()] == [
        ["images", "groups", "seep", "ship"],
        ["train", "2", "1", "1,001", "2"],
        ["val", "1", "1", "0", "1"],
        ["test", "1", "1", "2", "1"],
    ]


def test_many_classes_stand_in_rows():
    entries = singles(10, (1,) * 12)
    lines = table(deal(entries), entries, [f"class{index}" for index in range(12)]).splitlines()
    assert lines[0].split() == ["train", "val", "test"]
    assert len(lines) == 15


def test_of_many_classes_that_never_occur_the_table_has_a_count():
    names = [f"class{index}" for index in range(80)]
    counts = [0] * 80
    counts[11], counts[70] = 2, 1
    entries = singles(3, counts)
    *lines, last = table(deal(entries), entries, names).splitlines()
    assert lines[0].split() == ["images", "groups", "class11", "class70"]
    assert lines[1].split() == ["train", "1", "1", "2", "1"]
    assert last == "78 of 80 classes never occur and are not shown"


def test_a_folder_in_place_of_the_groups_is_told_in_words(tmp_path):
    with pytest.raises(SourceError, match=r"cannot be read: Is a directory$"):
        read_groups(tmp_path)
