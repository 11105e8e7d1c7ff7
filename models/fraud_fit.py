"""Fits the forest and its calibration, and writes them as skops and ONNX.

Rules:
- The same rows give the same forest: the seed is fixed, threads change nothing.
- Split points are rounded down to float32, which moves no float32 value to the other side; so ONNX, which
  knows float32 only, takes every branch that scikit-learn takes.
- A skops file may hold `TRUSTED` types and nothing else; any other type is refused before it is made.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import cast

import numpy as np
import skops.io
from numpy.typing import NDArray
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from models.fraud_card import Calibration, Refused
from models.fraud_matrix import Floats, Matrix
from models.fraud_serving import logit

FOREST = {"n_estimators": 100, "max_depth": 20, "min_samples_leaf": 2, "random_state": 20_261_122}
TRUSTED = ("sklearn.tree._tree.Tree",)  # the one type of a forest that skops does not trust by itself
OPSET = {"": 18, "ai.onnx.ml": 3}
LIBRARIES = ("scikit-learn", "skops", "skl2onnx", "onnxruntime", "numpy", "polars")

Truth = NDArray[np.int64]


def fit_forest(rows: Matrix, fraud: Truth, threads: int = 1) -> RandomForestClassifier:
    """Fit the forest; both kinds of purchases must occur."""
    forest = RandomForestClassifier(n_jobs=threads, **FOREST).fit(rows, fraud)
    for tree in forest.estimators_:
        splits = tree.tree_.threshold
        splits[:] = rounded_down(splits)
    forest.n_jobs = 1  # threads would add the trees' shares in any order, and the last bits would differ
    return forest


def rounded_down(splits: Floats) -> NDArray[np.float32]:
    """Give the largest float32 that is not above each number.

    >>> rounded_down(np.array([0.1, 0.5, 1e9 + 1])).tolist()
    [0.09999999403953552, 0.5, 1000000000.0]

    """
    near = splits.astype(np.float32)
    return np.where(near > splits, np.nextafter(near, np.float32(-np.inf)), near)


def shares_of(forest: RandomForestClassifier, rows: Matrix) -> Floats:
    """Give the trees' mean share of fraud of each row, as scikit-learn says it."""
    return cast("Floats", forest.predict_proba(rows)[:, 1])


def fit_calibration(shares: Floats, fraud: Truth) -> Calibration:
    """Fit what turns shares into probabilities, on purchases that the forest has not learned from."""
    if fraud.min() == fraud.max():
        return Calibration(1.0, 0.0)
    fitted = LogisticRegression(C=np.inf).fit(logit(shares)[:, None], fraud)
    slope = float(fitted.coef_[0, 0])
    return Calibration(slope, float(fitted.intercept_[0])) if slope > 0 else Calibration(1.0, 0.0)


def as_onnx(forest: RandomForestClassifier) -> bytes:
    """Write a forest for serving: in `features` (float32 rows), out `probabilities`."""
    width = int(forest.n_features_in_)
    model = to_onnx(
        forest,
        initial_types=[("features", FloatTensorType([None, width]))],
        options={id(forest): {"zipmap": False}},
        target_opset=OPSET,
    )
    return cast("bytes", model.SerializeToString())


def as_skops(forest: RandomForestClassifier) -> bytes:
    """Write a forest so that it can be read back and looked into."""
    return cast("bytes", skops.io.dumps(forest))


def from_skops(content: bytes) -> RandomForestClassifier:
    """Read a forest back.

    Raises:
        Refused: the file holds another type than those of a forest, or is no skops file.

    """
    try:
        strange = sorted(set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED))
        forest = None if strange else skops.io.loads(content, trusted=list(TRUSTED))
    except Exception as error:  # a broken archive fails in many ways
        raise Refused(f"the forest's file cannot be read ({type(error).__name__}: {error})") from error
    if strange:
        raise Refused(f"the forest's file holds types that are not allowed: {', '.join(strange)}")
    if not isinstance(forest, RandomForestClassifier):
        raise Refused(f"the forest's file holds a {type(forest).__name__}, no forest")
    return forest


def libraries() -> dict[str, str]:
    """Give the versions of what a model is made and run with."""
    return {name: version(name) for name in LIBRARIES}
