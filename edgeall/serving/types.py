"""The documents of the API. The OpenAPI document is made from these types."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Decision = Literal["positive", "negative", "refer", "refuse"]
Probability = Annotated[float, Meta(ge=0.0, le=1.0)]
Band = Annotated[list[Probability], Meta(min_length=2, max_length=2)]
Box = Annotated[list[int], Meta(min_length=4, max_length=4)]
Size = Annotated[list[int], Meta(min_length=2, max_length=2)]
Number = Annotated[int, Meta(ge=0, le=2**53 - 1)]


class Error(Struct, frozen=True):
    """Why a request is not answered, in one sentence."""

    error: str


class Check(Struct, frozen=True):
    """Whether a picture is fit, and the reasons against it."""

    ok: bool
    reasons: list[str]


class PictureAnswer(Struct, frozen=True):
    """As `edgeall classify --json` gives it, without the path."""

    label: str | None
    probability: Probability | None
    score: Probability | None
    threshold: Probability
    decision: Decision
    quality: Check
    domain: Check | None
    model: str
    ms: float
    notes: list[str]


class Cell(Struct, frozen=True):
    """One white cell of a field; `box` is left, top, right, bottom in pixels of the file's picture."""

    box: Box
    label: str | None
    probability: Probability | None
    score: Probability | None
    decision: Decision
    quality: Check
    domain: Check | None


class FieldAnswer(Struct, frozen=True):
    """As `edgeall classify --cells --json` gives it, without the path."""

    size: Size
    quality: Check
    decision: Literal["refuse"] | None
    cells: list[Cell]
    counts: dict[str, int]
    threshold: Probability
    model: str
    ms: float
    notes: list[str]


class Decided(Struct, frozen=True):
    """A picture in the log.

    One of `picture`, `field` and `error` is not null. `artifact` is the SHA-256 of the model that answered: the log
    also has answers of models before. `seq` is null for a picture whose record a person removed from the log: it is
    decided, and not recorded again.
    """

    seq: int | None
    time: str
    source: Literal["watch", "serve"]
    folder: str | None
    path: str
    sha256: str | None
    artifact: str
    same_as: int | None
    subject: str | None
    picture: PictureAnswer | None = None
    field: FieldAnswer | None = None
    error: str | None = None


class Explanation(Struct, frozen=True):
    """Which parts of a picture the answer rests on, and whether that can be believed; see `edgeall explain`.

    `map` is a PNG in base64: the picture as the model reads it, and the evidence over it, orange for a positive label
    and blue against one. It is null for a picture that is refused. `marked` and `random` say how far the log-odds
    change without the tenth that is marked as most important, and without a random tenth. Where `holds` is false, the
    map is not an explanation, and `against` says why.
    """

    holds: bool
    against: list[str]
    marked: float
    random: float
    map: str | None
    ms: float


class History(Struct, frozen=True):
    """Pictures in the log, the latest first; `more` where there are earlier ones."""

    entries: list[Decided]
    more: bool


class Share(Struct, frozen=True):
    """A share and Wilson's 95 % interval, which takes cells as independent."""

    value: Probability
    low: Probability
    high: Probability


class Group(Struct, frozen=True):
    """Counts of the decisions on one folder (a slide) or person; see `edgeall classify --by`."""

    by: Literal["folder", "subject"]
    group: str | None
    counts: dict[str, int]
    positive_share: Share | None
    decision: Literal["positive", "negative", "refer"]
    why: str | None


class Summary(Struct, frozen=True):
    """Counts by folder or person, of a session."""

    groups: list[Group]


class Station(Struct, frozen=True):
    """What answers here, and how it decides.

    `refer` is the referral band: scores from the first number to below the second go to a human. `calibrated` is null
    where nothing is known of the probabilities. `head` is the number of the log's last entry. `caveats` say what is not
    known, or is wrong, of the model's answers.
    """

    version: str
    model: str
    artifact: str
    format: str
    precision: str
    engine: str
    labels: list[str]
    positive: list[str]
    threshold: Probability
    refer: Band | None
    calibrated: bool | None
    cells: bool
    force: bool
    tested: str
    caveats: list[str]
    watched: str | None
    notice: str | None
    keeps_pictures: bool
    upload_bytes: int
    head: int
    use: str


class Health(Struct, frozen=True):
    """The server answers."""

    status: Literal["ok"]


# -- what requests ask for. What is left out is UNSET: None would also be the word "null".


class Named(Struct, frozen=True):
    """`name`: the picture's, with its folders and "/" where it has some."""

    name: Annotated[str, Meta(min_length=1, max_length=1024)]


class After(Struct, frozen=True):
    """`after`: entries of the log with larger numbers alone."""

    after: Number = 0


class Search(After, frozen=True):
    """Pictures that have all that is given: `text` is a part of the path; `before` for the next page."""

    before: Number | UnsetType = UNSET
    text: Annotated[str, Meta(max_length=256)] = ""
    decision: Literal["positive", "negative", "refer", "refuse", "error"] | UnsetType = UNSET
    count: Annotated[int, Meta(ge=1, le=500)] = 100


class Grouped(After, frozen=True):
    """`by`: folders, or people by published file names."""

    by: Literal["folder", "subject"] = "folder"
