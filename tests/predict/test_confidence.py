from types import SimpleNamespace

import pytest

from outputs.stand_in import stored
from seepseg.errors import UsageError
from seepseg.predict.confidence import choose_confidence


def model(names=("oil", "ship"), thresholds=None):
    return SimpleNamespace(names=names, thresholds=thresholds)


def test_stored_thresholds_hold_by_the_name_of_the_class():
    chosen = choose_confidence(model(("ship", "oil"), stored()), None)
    assert (chosen.limits, chosen.stored) == ((0.6, 0.5), True)
    assert "10 images of the val split" in chosen.source


def test_what_is_asked_for_comes_first():
    chosen = choose_confidence(model(thresholds=stored()), 0.9)
    assert (chosen.limits, chosen.stored) == ((0.9, 0.9), False)
    assert "--conf" in chosen.source


def test_a_confidence_can_be_asked_for_by_class():
    assert choose_confidence(model(), {"ship": 0.2, "oil": 0.1}).limits == (0.1, 0.2)


@pytest.mark.parametrize(("asked", "words"), [({"oil": 0.1}, "ship has none"), ({"tank": 0.1}, "no class tank")])
def test_a_class_too_few_or_too_many_is_told(asked, words):
    with pytest.raises(UsageError, match=words):
        choose_confidence(model(), asked)


def test_without_any_the_usual_quarter_is_taken_and_said():
    chosen = choose_confidence(model(), None)
    assert chosen.limits == (0.25, 0.25)
    assert "no thresholds are stored" in chosen.source


def test_a_class_that_none_could_be_chosen_for_is_named():
    chosen = choose_confidence(model(thresholds=stored((0.5, None))), None)
    assert chosen.limits == (0.5, 0.25)
    assert "ship" in chosen.source


def test_a_model_of_one_class_takes_the_threshold_of_one_class():
    one = stored()
    one = type(one)(("oil",), one.rule, one.data, one.split, 10, one.confidence[:1], one.presence[:1], one.any_presence)
    assert choose_confidence(model(("item",), one), None).limits == (0.5,)


def test_thresholds_of_other_classes_are_refused():
    with pytest.raises(UsageError, match="evaluate the model again"):
        choose_confidence(model(("oil", "tank"), stored()), None)
