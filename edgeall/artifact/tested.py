"""How often a model was right on test images, as it travels in its artifacts."""

from collections.abc import Iterator

from edgeall.artifact.shares import Share
from edgeall.values import dataclass


@dataclass(frozen=True)
class ClassTest:
    """The test images of one class, positive or negative.

    Attributes:
        right: share of them with the right verdict: sensitivity of the positive ones, specificity of the negative
            ones. None without an image, or, with a referral band, where all are referred.
        images: their number, in 0 and above.
        subjects: people that they are of; None where not every test image's is known.
    """

    right: Share | None
    images: int
    subjects: int | None

    def __post_init__(self) -> None:
        if self.images < 0 or (self.subjects is not None and not 0 <= self.subjects <= self.images):
            raise ValueError(f"{self.images} test images of {self.subjects} people")


@dataclass(frozen=True)
class TestFigures:
    """Sensitivity and specificity of the Keras model that an artifact was made from, on the run's test images.

    The artifact itself is compared with that model on validation images (`Parity`) and not tested anew. An INT8
    artifact has another threshold than `threshold`.

    Attributes:
        of: which model they are of, in words: "the Keras model".
        grouped_by: of the split, "subject" or "image"; see `edgeall.runs.Split`.
        threshold: score from which the tested model's verdict is positive, in [0, 1].
        positive, negative: the test images of each class. With a referral band, `right` is of the images that are
            not referred, and the numbers are of all.
        subjects: people in the test images, those of both classes counted once; None where not known. Intervals are
            then over images, and too narrow for new people.
        referred: share of the test images in the referral band; None without a band.
    """

    __test__ = False  # pytest takes classes of this name for tests.

    of: str
    grouped_by: str
    threshold: float
    positive: ClassTest
    negative: ClassTest
    subjects: int | None
    referred: Share | None = None

    @property
    def images(self) -> int:
        """Number of test images."""
        return self.positive.images + self.negative.images

    @property
    def in_words(self) -> str:
        """On one line, as "test sensitivity 0.93 (0.81 to 0.98) on 60 images of 4 people, specificity ...; ..."."""
        return "; ".join(_parts(self))


def _parts(test: TestFigures) -> Iterator[str]:
    yield (
        f"test sensitivity {_of_class(test.positive, 'positive')}, specificity {_of_class(test.negative, 'negative')}"
    )
    if test.referred is not None:
        yield f"of the images that are not referred; referred are {test.referred.in_words}"
    yield f"of {test.of} that this was made from, at its threshold {test.threshold:.2f}"
    if test.subjects is None:
        yield "whose images they are is not known: optimistic for new people"
    elif test.grouped_by != "subject":
        yield "people of the test also trained it: optimistic for new people"


def _of_class(figures: ClassTest, name: str) -> str:
    if not figures.images:
        return f"not known (no {name} image)"
    share = "not known (all are referred)" if figures.right is None else figures.right.in_words
    return f"{share} on {_count(figures.images, 'image', 'images')}" + (
        "" if figures.subjects is None else f" of {_count(figures.subjects, 'person', 'people')}"
    )


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
