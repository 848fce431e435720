"""What each reader is given: anything, and valid files in which something was changed."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np
import yaml
from hypothesis import strategies as st

from attnbench.detection_spec import DetectionRecipe, DetectionRun, DetectionSuite, detection_digest
from attnbench.efficiency_spec import RowSpec, spec_digest
from attnbench.space_io import space_from_builtins
from attnbench.spec import Measure, Recipe, RunSpec, SuiteSpec, digest
from attnbench.spec_io import to_builtins
from attnbench.tune.spec_json import to_json
from attnbench.tune_spec import TuneSpec
from tests.detection_records import make_detection_record
from tests.diverged_records import diverged_in_place_of
from tests.efficiency_records import make_counts, make_row, make_timing
from tests.fuzz.strategies import any_json, as_json, changed
from tests.records import make_localisation, make_record, make_robustness

NUM_IMAGES = 24

SUITE = SuiteSpec(
    attention=("none", "sge:groups=4", "ge:extent=8,parametric=false"),
    backbone="cifar-resnet:depth=20",
    data="cluttered-digits:clutter=12",
    root="images",
    recipe=Recipe(schedule="step", step_epochs=(1, 3), gradient_clip_norm=2.0),
    measure=Measure(corruptions=("noise", "blur")),
    imports=("mine.py",),
)
DETECTION_SUITE = DetectionSuite(
    detector=("retinanet:anchor_size=16", "faster-rcnn"),
    detector_settings=("faster-rcnn:regions=8",),
    detector_recipe={"retinanet": {"epochs": 10, "step_epochs": [3]}},
    attention=("none", "sge"),
    backbone="resnet18",
    data="coco:workers=2",
    annotations=("a.json", "b.json"),
    recipe=DetectionRecipe(batch_size=4, accumulate=2),
)
SPACE = {
    "groups": {"divisors": {"low": 2, "high": 32}},
    "normalize": [True, False],
    "stages": [[1], [2, 3]],
    "kernel_size": {"low": 1, "high": 9, "grid": [1, 5, 9]},
    "recipe.learning_rate": {"low": 0.01, "high": 0.3, "log": True},
}
ALIASES = (
    "a: &a {b: &b {c: &c [1]}}\n<<: *a\n",
    "a: &a [x, x]\nb: &b [*a, *a]\nattention: [*b, *b]\n",
    "attention: &a [*a]\n",
    "? [a]\n: b\n",
    "root: !!python/object/apply:os.system [ls]\n",
    "root: !!timestamp x\nseeds: !!int x\n",
    "seeds: [010, 0x1F, 1:30, 2030-13-45, 0b_, 1_0]\n",
    "backbone: a\nbackbone: b\n",
)


def _bytes() -> st.SearchStrategy[bytes]:
    return st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode(errors="surrogatepass"))


def _json(*valid: Any) -> st.SearchStrategy[bytes]:
    return _bytes() | any_json().map(as_json) | changed(*valid).map(as_json)


def _yaml(*valid: Any) -> st.SearchStrategy[bytes]:
    """YAML; JSON is a part of it."""
    dumped = [yaml.safe_dump(value, allow_unicode=True) for value in valid]
    spliced = st.tuples(st.sampled_from(dumped), st.sampled_from(ALIASES)).map(lambda texts: "".join(texts).encode())
    written = changed(*valid).map(lambda value: yaml.safe_dump(value).encode())
    return _json(*valid) | spliced | written


def _records(digest_of: Callable[[dict[str, Any]], str], *valid: bytes) -> st.SearchStrategy[bytes]:
    """Records whose digest is that of their spec, if they have one: otherwise nothing else would be looked at."""

    def named_anew(text: bytes) -> bytes:
        try:
            content = json.loads(text)
            content["digest"] = digest_of(content)
            return json.dumps(content).encode()
        except Exception:  # whatever was changed: it stays as it is
            return text

    return _json(*map(json.loads, valid)).map(named_anew)


def _variants() -> st.SearchStrategy[bytes]:
    piece = st.sampled_from(
        ["sge", "groups", "stages", "=", ":", ",", "3", "-1", "1e3", "true", "none", " ", "é", "٣", "nan", "9" * 400]
    )
    return _bytes() | st.lists(piece, max_size=12).map(lambda pieces: "".join(pieces).encode())


def _runs() -> list[bytes]:
    random = np.random.default_rng(0)
    plain = make_record(correct=random.random(NUM_IMAGES) < 0.8, sources=np.arange(NUM_IMAGES) // 4, compile_s=1.0)
    scored = make_record(
        correct=random.random(NUM_IMAGES) < 0.8,
        localisation=make_localisation({"attention": random.random(8), "grad-cam": random.random(8)}),
        robustness=make_robustness({"noise": {0.1: 75.0, 0.2: 50.0}}, num_images=NUM_IMAGES),
    )
    return [plain.to_json(), scored.to_json()]


def _rows() -> list[bytes]:
    timings = [make_timing(phase, [5.0, 6.0, 7.0]) for phase in ("inference", "training", "latency")]
    return [make_row("sge", *timings, counts=make_counts(uncounted={"full": {"aten::add": 2}})).to_json()]


def _diverged() -> list[bytes]:
    records = (make_record(correct=np.ones(NUM_IMAGES, dtype=np.bool_)), make_detection_record())
    return [diverged_in_place_of(record).to_json() for record in records]


def _digest_of_diverged(content: dict[str, Any]) -> str:
    if content["task"] == "detection":
        return detection_digest(msgspec.convert(content["spec"], DetectionRun))
    return digest(msgspec.convert(content["spec"], RunSpec))


def _study() -> dict[str, Any]:
    run = RunSpec(attention="sge", backbone="cifar-resnet:depth=20", data="cluttered-digits")
    spec = TuneSpec(run=run, space=space_from_builtins(SPACE, source="here"), default="sge")
    read: dict[str, Any] = json.loads(to_json(spec))
    return read


COCO = {
    "images": [{"id": id_, "file_name": f"{id_}.png", "height": 30, "width": 40} for id_ in (7, 5)],
    "categories": [{"id": 20, "name": "dog"}, {"id": 3, "name": "cat"}],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 20, "bbox": [2, 3, 10, 5], "area": 50.5, "iscrowd": 0,
         "segmentation": [[2, 3, 12, 3, 12, 8, 2, 8]]},
        {"id": 2, "image_id": 7, "category_id": 3, "bbox": [30, 20, 10, 6], "iscrowd": 1,
         "segmentation": {"size": [30, 40], "counts": [600, 20, 580]}},
        {"id": 3, "image_id": 5, "category_id": 3, "bbox": [30, 20, 10, 6],
         "segmentation": {"size": [30, 40], "counts": "PPYo0"}},
    ],
}  # fmt: skip

INPUTS: Mapping[str, st.SearchStrategy[bytes]] = {
    "variant": _variants(),
    "spec": _yaml(json.loads(msgspec.json.encode(to_builtins(SUITE)))),
    "detection-spec": _yaml(json.loads(msgspec.json.encode(to_builtins(DETECTION_SUITE)))),
    "space": _yaml(SPACE),
    "tune-spec": _json(_study()),
    "record": _records(lambda content: digest(msgspec.convert(content["spec"], RunSpec)), *_runs()),
    "detection-record": _records(
        lambda content: detection_digest(msgspec.convert(content["spec"], DetectionRun)),
        make_detection_record(mask_skill=0.5).to_json(),
    ),
    "efficiency-record": _records(
        lambda content: spec_digest(msgspec.convert(content["spec"], RowSpec), content["session"]), *_rows()
    ),
    "diverged-record": _records(_digest_of_diverged, *_diverged()),
    "coco": _json(COCO),
}
"""Strategies of what each reader in `benchmarks.fuzz.targets.TARGETS` is given."""
