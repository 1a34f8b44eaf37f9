"""The marks of the tutorial are read as what a reader does."""

from __future__ import annotations

import pytest

from tests.browser.tutorial_text import Act, Sentence, sentences

TEXT = """# A title with **no** act

Prose without marks, `make run` included. As `operator`, press **Cases**, then
**Start a case**. Fill in *What is known* with `{"applicant": "R. Vega"}`. You see “Running. Well”.

```sh
make run
```

1. As `analyst`: open `/inbox/`.
   **Start** it.
2. Nothing to do here.
* *Reason*: `Forged`

![a picture of “nothing”](preview.png)

```text
one
…
two
```
"""


def test_every_mark_is_an_act_in_the_order_of_the_text() -> None:
    assert [(each.line, each.acts) for each in sentences(TEXT)] == [
        (3, (Act("as", "operator"), Act("press", "Cases"), Act("press", "Start a case"))),
        (3, (Act("fill", "What is known", '{"applicant": "R. Vega"}'),)),
        (3, (Act("see", "Running. Well"),)),
        (6, (Act("run", "make run"),)),
        (10, (Act("as", "analyst"), Act("open", "/inbox/"))),
        (10, (Act("press", "Start"),)),
        (13, (Act("fill", "Reason", "Forged"),)),
        (17, (Act("printed", "one\n…\ntwo"),)),
    ]


def test_a_sentence_says_where_it_stands_and_what_it_says() -> None:
    assert (
        str(sentences("Before.\n\nPress **Start**\nnow. After.")[0])
        == "line 3: Press **Start** now."
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Fill in *Reason*. Then `x`.", r"line 1: nothing to write follows \*Reason\*"),
        ("```python\nprint()\n```", "line 1: a block is of `sh` or `text`, not of `python`"),
    ],
    ids=["field", "block"],
)
def test_a_mark_that_says_nothing_is_an_error(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        sentences(text)


def test_a_sentence_is_one_thing() -> None:
    assert sentences("“Done”") == [Sentence(1, "“Done”", (Act("see", "Done"),))]
