from types import SimpleNamespace

import pytest

from outputs.stand_in import stored
from seepseg.errors import UsageError
from seepseg.predict.confidence import choose_confidence


def model(names=("oil", "ship"), thresholds=None):
    return SimpleNamespace(names=names, thresholds=thresholds)


def test_stored_thresholds_hold():
    chosen = choose_confidence(model(thresholds=stored()), None)
    assert (chosen.limits, chosen.stored) == ((0.5, 0.6), True)
    assert "10 images of the val split" in chosen.source


def test_what_is_asked_for_comes_first():
    chosen = choose_confidence(model(thresholds=stored()), 0.9)
    assert (chosen.limits, chosen.stored) == ((0.9, 0.9), False)
    assert chosen.thresholds == stored()
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


def test_stored_thresholds_that_cannot_be_used_do_not_stop_who_gives_a_confidence():
    class Odd:
        names = ("oil", "ship")

        @property
        def thresholds(self):
            raise UsageError("thresholds for other classes")

    chosen = choose_confidence(Odd(), 0.3)
    assert (chosen.limits, chosen.thresholds) == ((0.3, 0.3), None)
    assert "no probabilities" in chosen.source
    with pytest.raises(UsageError, match="other classes"):
        choose_confidence(Odd(), None)
