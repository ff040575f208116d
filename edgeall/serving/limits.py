"""How much a server takes on at once. More is refused with one sentence, and can be sent again."""

from edgeall.values import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of one server.

    Attributes:
        upload_bytes: of one picture.
        held_bytes: of all pictures that are being received or decided.
        places: pictures that are being decided or wait for it.
        clients: open connections that are answered. As many more may be open, which are told so, or have not begun TLS.
        followers: clients that follow the log live.
        rate: pictures a second from one address, over time.
        burst: pictures at once from one address.
        question_rate: questions on the log a second from one address, over time.
        question_burst: such questions at once.
        questions: such questions that are being answered or wait for it.
        head_seconds: until the head of a request has arrived.
        pause_seconds: longest pause within a picture that is being received.
        upload_seconds: until a picture has arrived whole.
        answer_seconds: longest time that a client takes nothing of an answer.
    """

    upload_bytes: int = 32 << 20
    held_bytes: int = 128 << 20
    places: int = 64
    clients: int = 256
    followers: int = 64
    rate: float = 50.0
    burst: int = 200
    question_rate: float = 20.0
    question_burst: int = 100
    questions: int = 64
    head_seconds: float = 10.0
    pause_seconds: float = 10.0
    upload_seconds: float = 60.0
    answer_seconds: float = 30.0
