import pickle

from attnbench.errors import DivergedError
from tests.records import make_record


def test_a_divergence_comes_whole_from_another_process() -> None:
    curve = make_record().curve[:1]
    error = DivergedError("it is nan", loss="training loss", value="nan", step=57, epoch=2, curve=curve)
    error.add_note("seen twice")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is DivergedError
    assert str(back) == "it is nan"
    assert (back.loss, back.value, back.step, back.epoch, back.curve) == ("training loss", "nan", 57, 2, curve)
    assert back.__notes__ == ["seen twice"]
