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

    def __post_init__(self) -> None:
        if not 0.0 <= self.threshold <= 1.0:
            raise ValueError(f"threshold {self.threshold} is not within 0 and 1")

    @property
    def images(self) -> int:
        """Number of test images."""
        return self.positive.images + self.negative.images

    @property
    def in_words(self) -> str:
        """On one line, as "test sensitivity 0.93 (0.81 to 0.98) on 60 images of 4 people, specificity ...; ..."."""
        return "; ".join(_parts(self))


def _parts(test: TestFigures) -> Iterator[str]:
    positive, negative = test.positive, test.negative
    if test.referred is None:
        yield (
            f"test sensitivity {_share(positive, 'positive')}{_on(positive)}, "
            f"specificity {_share(negative, 'negative')}{_on(negative)}"
        )
    else:
        # How many of each class are referred is not recorded, so that these figures have no number of a class.
        answered = test.images - round(test.referred.value * test.images)
        yield (
            f"test sensitivity {_share(positive, 'positive')}, specificity {_share(negative, 'negative')}, of the "
            f"{answered} of {test.images} images that are not referred"
        )
        yield f"referred are {test.referred.in_words}"
        yield (
            f"all are {positive.images} positive{_people(positive)} and {negative.images} negative{_people(negative)}"
        )
    yield f"of {test.of} that this was made from, at its threshold {test.threshold:.2f}"
    if test.subjects is None:
        yield "whose images they are is not known: optimistic for new people"
    elif test.grouped_by != "subject":
        yield "people of the test also trained it: optimistic for new people"


def _share(figures: ClassTest, name: str) -> str:
    if not figures.images:
        return f"not known (no {name} image)"
    return "not known (all are referred)" if figures.right is None else figures.right.in_words


def _on(figures: ClassTest) -> str:
    """As " on 60 images of 3 people"; empty for no image."""
    if not figures.images:
        return ""
    return f" on {figures.images} {'image' if figures.images == 1 else 'images'}{_people(figures)}"


def _people(figures: ClassTest) -> str:
    if figures.subjects is None:
        return ""
    return f" of {figures.subjects} {'person' if figures.subjects == 1 else 'people'}"
