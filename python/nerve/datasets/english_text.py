"""English prose, for models of language: the language reference of Python that `help()` shows."""

from __future__ import annotations


def load_data(test_split: float = 0.1) -> tuple[str, str]:
    """About 460 kB of text, which every Python carries; which text exactly depends on its version.

    Parameters
    ----------
    test_split : float
        Fraction of the characters at the end.

    Returns
    -------
    train, test : str

    Raises
    ------
    ImportError
        If this Python was installed without its documentation.
    """
    if not 0 <= test_split < 1:
        raise ValueError(f"[nerve.datasets.english_text] test_split must be at least 0 and below 1, got {test_split!r}")
    try:
        from pydoc_data import topics
    except ImportError as error:
        raise ImportError("[nerve.datasets.english_text] this Python has no pydoc_data, the texts of help()") from error
    text = "\n\n".join(topics.topics[name].strip() for name in sorted(topics.topics))
    at = int(len(text) * (1 - test_split))
    return text[:at], text[at:]
